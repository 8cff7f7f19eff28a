"""Whether a package comes from whoever signed what ran before, and nothing more."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.continuity import (
    Continuity,
    Ran,
    Signer,
    possible_signers,
    same_signer,
)
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.firmware.mcuboot import read_image
from custom_components.nightlatch.core.firmware.mcuboot_signature import encode_key
from custom_components.nightlatch.core.model import FirmwareKey
from tests.rig.dfu_package import make_init_command, make_package, public_pem, sign
from tests.rig.mcuboot_image import (
    SigningKey,
    TlvType,
    make_mcuboot_image,
    public_key_hash,
    sign_image,
    signature_tlv,
)

from .vendor import IMAGE, KEY, OTHER_KEY, OTHER_PINNED, PINNED

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOT_COMPARABLE = Continuity(signer=Signer.NOT_COMPARABLE)
OTHER = Continuity(signer=Signer.OTHER)

secrets = st.integers(1, ORDER - 1)
images = st.binary(min_size=1, max_size=64)


def dfu(
    fw_version: int = 1, key: ec.EllipticCurvePrivateKey = KEY, **knobs: Any
) -> bytes:
    """Return a DFU package."""
    return make_package(IMAGE, key=key, fw_version=fw_version, **knobs)


def image(firmware: bytes, key: SigningKey = KEY, **knobs: Any) -> bytes:
    """Return an image of MCUboot."""
    return make_mcuboot_image(firmware, key=key, **knobs)


def key_tlv(key: SigningKey) -> tuple[int, bytes]:
    """Return what carries a whole key in an image."""
    return TlvType.PUBLIC_KEY, encode_key(key.public_key())


def with_whole_key(firmware: bytes, key: SigningKey, **knobs: Any) -> bytes:
    """Return an image that carries its key instead of the key's hash."""
    kind = (
        TlvType.RSA2048_PSS if isinstance(key, rsa.RSAPrivateKey) else TlvType.ED25519
    )
    unsigned = make_mcuboot_image(firmware, key=key, unsigned=True, **knobs)
    # Without a signature the digest is the only TLV: 4 bytes of an area, 4 and 32 of it.
    signature = sign_image(unsigned[:-40], key)
    return make_mcuboot_image(
        firmware,
        key=key,
        unsigned=True,
        tlvs_last=[key_tlv(key), (kind, signature)],
        **knobs,
    )


def ran(*packages: bytes, signer: FirmwareKey | None = None) -> list[Ran]:
    """Return what ran before, the last one first."""
    return [Ran(data=data, signer=signer) for data in packages]


def pinned(key: SigningKey) -> FirmwareKey:
    """Return the public half of a key."""
    return load_firmware_key(public_pem(key))


@pytest.fixture(params=["dfu", "image"])
def make(request: pytest.FixtureRequest) -> Any:
    """Make packages of either format: number, key."""
    if request.param == "dfu":
        return lambda number, key=KEY: dfu(number, key)
    return lambda number, key=KEY: image(bytes([number]) * 100, key)


# The same, or another.


def test_the_same_signer_is_recognised_by_the_one_key_in_common(make: Any) -> None:
    """Of two packages that are not the same firmware."""
    assert same_signer(ran(make(1)), make(2)) == Continuity(
        signer=Signer.SAME, key=PINNED
    )


def test_another_signer_is_noticed(make: Any) -> None:
    """It has no key in common with what ran before."""
    assert same_signer(ran(make(1)), make(2, OTHER_KEY)) == OTHER


def test_what_ran_last_counts(make: Any) -> None:
    """Who signed something older, but not that, is another signer."""
    before = ran(make(2, OTHER_KEY), make(1))
    assert same_signer(before, make(3)) == OTHER
    assert same_signer(before, make(3, OTHER_KEY)).key == OTHER_PINNED


def test_a_lock_that_ran_nothing_known(make: Any) -> None:
    """There is nothing to compare with."""
    assert same_signer([], make(1)) == NOT_COMPARABLE


@settings(max_examples=30)
@given(secrets, images, images)
def test_whoever_signs_two_packages_is_recognised(
    secret: int, one: bytes, other: bytes
) -> None:
    """Whatever the key, and whatever is in them."""
    key = ec.derive_private_key(secret, ec.SECP256R1())
    before, after = make_package(one, key=key), make_package(other, key=key)
    expected = (
        NOT_COMPARABLE
        if one == other
        else Continuity(signer=Signer.SAME, key=pinned(key))
    )
    assert same_signer(ran(before), after) == expected


@settings(max_examples=30)
@given(st.lists(secrets, min_size=2, max_size=2, unique=True), images, images)
def test_two_signers_never_have_a_key_in_common(
    keys: list[int], one: bytes, other: bytes
) -> None:
    """Also where they sign the very same firmware."""
    before, after = (
        make_package(content, key=ec.derive_private_key(secret, ec.SECP256R1()))
        for content, secret in zip((one, other), keys, strict=True)
    )
    assert same_signer(ran(before), after) == OTHER


def test_a_key_that_is_known_for_sure_needs_no_second_package(make: Any) -> None:
    """It verifies, or it does not; also the same firmware once more."""
    before = ran(make(1), signer=PINNED)
    for number in (1, 2):
        assert same_signer(before, make(number)).key == PINNED
        assert same_signer(before, make(number, OTHER_KEY)) == OTHER


# The same firmware shows nothing.


def mirrored(fw_version: int) -> bytes:
    """Return a package whose signature somebody without a key has turned round."""
    init = make_init_command(IMAGE, fw_version=fw_version, hw_version=52)
    signature = sign(init, KEY)
    s = ORDER - int.from_bytes(signature[32:], "little")
    return dfu(fw_version, signature=signature[:32] + s.to_bytes(32, "little"))


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(dfu(), id="the-same-file"),
        pytest.param(dfu(compress=False), id="zipped-anew"),
        pytest.param(dfu(bin_file="a.bin", dat_file="a.dat"), id="renamed"),
        pytest.param(mirrored(1), id="signature-mirrored"),
    ],
)
def test_the_same_firmware_is_no_evidence(again: bytes) -> None:
    """Anybody can pass it on; it has both keys in common."""
    assert len(possible_signers(dfu())) == 2
    assert set(possible_signers(again)) == set(possible_signers(dfu()))
    assert same_signer(ran(dfu()), again) == NOT_COMPARABLE


@pytest.mark.parametrize(
    "older",
    [
        pytest.param(ran(dfu(1)), id="one"),
        pytest.param(ran(dfu(2), dfu(2, OTHER_KEY), b"", dfu(1)), id="among-others"),
        pytest.param(ran(dfu(9), signer=PINNED), id="known-for-sure"),
    ],
)
def test_older_packages_tell_which_of_the_two_keys_it_is(older: list[Ran]) -> None:
    """Then the same firmware has one key in common, as any other of its signer."""
    assert same_signer([*ran(dfu(2)), *older], dfu(2)).key == PINNED


def test_older_packages_of_other_signers_tell_nothing() -> None:
    """Both keys stay possible."""
    older = ran(dfu(1, OTHER_KEY)) + ran(dfu(1), signer=OTHER_PINNED)
    assert same_signer([*ran(dfu(2)), *older], dfu(2)) == NOT_COMPARABLE


# What a package tells of its signer.


@settings(max_examples=30)
@given(secrets, images)
def test_a_package_has_two_possible_signers(secret: int, content: bytes) -> None:
    """One of which is the real one."""
    key = ec.derive_private_key(secret, ec.SECP256R1())
    found = possible_signers(make_package(content, key=key))
    assert len(set(found)) == 2
    assert pinned(key) in found


def test_an_image_names_which_of_the_two_it_is() -> None:
    """By its hash, or whole; where it names neither, no boot loader could check it."""
    assert possible_signers(image(IMAGE)) == (PINNED,)
    with pytest.raises(FirmwareError) as refused:
        possible_signers(image(IMAGE, key_hash=bytes(32)))
    assert refused.value.reason is FirmwareProblem.SIGNATURE_INVALID


def test_a_signature_that_was_filled_up_shows_its_signer_too() -> None:
    """As boot loaders before MCUboot 1.5 wanted it; but not a longer one."""
    good = image(bytes(5))
    (signature,) = read_image(good).signatures
    assert len(signature.value) < 72
    filled = image(bytes(5), signature=signature.value.ljust(72, b"\0"))
    assert set(possible_signers(filled)) == set(possible_signers(good))
    longer = image(bytes(5), signature=signature.value.ljust(73, b"\0"))
    with pytest.raises(FirmwareError) as refused:
        possible_signers(longer)
    assert refused.value.reason is FirmwareProblem.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "package",
    [
        pytest.param(dfu(signature=bytes(64)), id="zeros"),
        pytest.param(dfu(signature=b"\xff" * 64), id="ones"),
        pytest.param(dfu(signature=b""), id="empty"),
        pytest.param(image(IMAGE, signature=b"\x30\x00"), id="no-numbers"),
        pytest.param(image(IMAGE, signature=bytes(72)), id="only-filling"),
    ],
)
def test_what_is_no_signature_has_no_signer(package: bytes) -> None:
    """It is refused, before it is compared with anything."""
    for look in (possible_signers, lambda data: same_signer(ran(data), dfu())):
        with pytest.raises(FirmwareError) as refused:
            look(package)
        assert refused.value.reason is FirmwareProblem.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (b"", FirmwareProblem.NOT_A_PACKAGE),
        (dfu(unsigned=True), FirmwareProblem.NOT_SIGNED),
        (dfu(signature_type=1), FirmwareProblem.SIGNATURE_TYPE),
        (image(IMAGE, unsigned=True), FirmwareProblem.NOT_SIGNED),
    ],
)
def test_what_cannot_be_compared_at_all_is_refused(
    package: bytes, reason: FirmwareProblem
) -> None:
    """With what is wrong about it, also where nothing ran before."""
    for before in ([], ran(dfu())):
        with pytest.raises(FirmwareError) as refused:
            same_signer(before, package)
        assert refused.value.reason is reason


# Ed25519 and RSA.


@pytest.mark.parametrize("key", [ED25519, RSA], ids=["ed25519", "rsa"])
def test_other_signatures_leave_nothing_to_compare(key: SigningKey) -> None:
    """That both name the same key is told, but is no evidence."""
    before, after = image(b"one", key), image(b"two", key)
    assert possible_signers(before) == ()
    assert same_signer(ran(before), after) == Continuity(
        signer=Signer.NOT_COMPARABLE, names_same_key=True
    )


@pytest.mark.parametrize(("key", "other"), [(ED25519, OTHER_ED25519), (RSA, OTHER_RSA)])
def test_a_copied_name_changes_nothing(key: SigningKey, other: SigningKey) -> None:
    """A stranger writes the hash of the vendor's key into an image of their own."""
    forged = image(b"two", other, key_hash=public_key_hash(key))
    assert same_signer(ran(image(b"one", key)), forged) == Continuity(
        signer=Signer.NOT_COMPARABLE, names_same_key=True
    )
    honest = image(b"two", other)
    assert same_signer(ran(image(b"one", key)), honest) == NOT_COMPARABLE


@pytest.mark.parametrize(("key", "other"), [(ED25519, OTHER_ED25519), (RSA, OTHER_RSA)])
def test_a_key_that_came_along_is_a_key(key: SigningKey, other: SigningKey) -> None:
    """One of the two carries it whole, and both are signed with it."""
    whole, named = with_whole_key(b"one", key), image(b"one", key)
    assert possible_signers(whole) == (pinned(key),)
    for before, after in (
        (whole, image(b"two", key)),
        (whole, with_whole_key(b"two", key)),
        (named, with_whole_key(b"two", key)),
    ):
        assert same_signer(ran(before), after) == Continuity(
            signer=Signer.SAME, key=pinned(key)
        )
    for before, after in (
        (whole, image(b"two", other)),
        (whole, with_whole_key(b"two", other)),
        (named, with_whole_key(b"two", other)),
    ):
        assert same_signer(ran(before), after) == OTHER


@pytest.mark.parametrize(("key", "other"), [(ED25519, OTHER_ED25519), (RSA, OTHER_RSA)])
def test_a_whole_key_can_be_copied_too(key: SigningKey, other: SigningKey) -> None:
    """The signature does not hold under it, so that it is only a name."""
    size = len(sign_image(b"", other))
    tlvs = [key_tlv(key), (signature_tlv(other), bytes(size))]
    forged = make_mcuboot_image(b"two", key=other, unsigned=True, tlvs_last=tlvs)
    assert same_signer(ran(image(b"one", key)), forged) == Continuity(
        signer=Signer.NOT_COMPARABLE, names_same_key=True
    )


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(key_tlv(OTHER_RSA)[1], id="a-strangers"),
        pytest.param(b"no key", id="none"),
        pytest.param(key_tlv(KEY)[1], id="of-another-kind"),
        # Ed25519 but for the number of its kind, which nobody has been given.
        pytest.param(
            key_tlv(ED25519)[1].replace(b"\x2b\x65\x70", b"\x2b\x65\x7f"),
            id="of-no-known-kind",
        ),
        pytest.param(
            key_tlv(rsa.generate_private_key(65537, 1024))[1], id="of-a-wrong-size"
        ),
    ],
)
def test_a_key_that_does_not_fit_is_none(value: bytes) -> None:
    """Anybody can write one; the signature has to hold under it."""
    tlvs = [(TlvType.PUBLIC_KEY, value), (TlvType.RSA2048_PSS, bytes(256))]
    before = make_mcuboot_image(b"one", key=RSA, unsigned=True, tlvs_last=tlvs)
    assert possible_signers(before) == ()
    assert same_signer(ran(before), image(b"two", RSA)) == NOT_COMPARABLE


def test_a_key_of_another_kind_is_another_key() -> None:
    """Where one of the two kinds leaves nothing to compare, that still shows."""
    packages = [dfu(), image(IMAGE, ED25519), image(IMAGE, RSA)]
    for before in packages:
        for after in packages:
            if before is not after:
                assert same_signer(ran(before), after) == OTHER


def test_what_is_signed_in_a_way_that_cannot_be_is_refused() -> None:
    """An ECDSA signature over the bytes themselves, which no boot loader checks."""
    pure = image(IMAGE, tlvs_first=[(TlvType.PURE_SIGNATURE, b"\x01")])
    with pytest.raises(FirmwareError) as refused:
        same_signer(ran(image(b"one")), pure)
    assert refused.value.reason is FirmwareProblem.IMAGE_INVALID
