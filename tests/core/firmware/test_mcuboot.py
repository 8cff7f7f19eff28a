"""Images that MCUboot's own tool has made, genuine and not."""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from imgtool import keys as imgtool_keys  # type: ignore[import-untyped]
import pytest

from custom_components.nightlatch.core.errors import FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import KeyKind, load_firmware_key
from custom_components.nightlatch.core.firmware.mcuboot import (
    MAGIC,
    MAX_IMAGE_SIZE,
    Dependency,
    ImageVersion,
    can_be_version_of_image,
    read_image,
)
from custom_components.nightlatch.core.firmware.mcuboot_signature import encode_key
from custom_components.nightlatch.core.firmware.mcuboot_tlv import TlvType
from custom_components.nightlatch.core.model import PayloadFormat
from custom_components.nightlatch.core.versions import Version, VersionScheme
from tests.rig.dfu_package import public_pem

from .imgtool_vendor import (
    PINNED_KEYS,
    detail,
    reason,
    refusal,
    tool_image,
    tool_key,
    verify,
)
from .vendor import IMAGE, PRIVATE_KEYS

each_kind = pytest.mark.parametrize("kind", KeyKind)
ED25519 = KeyKind.ED25519
DOTTED = VersionScheme.DOTTED


@each_kind
@pytest.mark.parametrize("counter", [None, 0, 7, 2**32 - 1])
def test_what_the_tool_signs_is_verified(
    kind: KeyKind, counter: int | None, tmp_path: Path
) -> None:
    """Under the one key that it was signed with."""
    data = tool_image(tmp_path, kind, security_counter=counter)
    artifact = verify(data, security_counter=counter or 0)
    assert artifact.firmware == data
    assert artifact.init_packet == b""
    assert artifact.format is PayloadFormat.MCUBOOT
    assert artifact.key_fingerprint == PINNED_KEYS[kind].fingerprint
    size = read_image(data).signed_size
    assert artifact.image_hash == hashlib.sha256(data[:size]).digest()
    artifact.check()


@each_kind
def test_the_key_is_named_as_the_tool_names_it(kind: KeyKind, tmp_path: Path) -> None:
    """By the hash over MCUboot's own encoding of it."""
    public = PRIVATE_KEYS[kind].public_key()
    assert encode_key(public) == tool_key(kind, tmp_path).get_public_bytes()


@each_kind
def test_an_image_may_carry_the_whole_key(kind: KeyKind, tmp_path: Path) -> None:
    """For boot loaders that keep the hash of their key only."""
    data = tool_image(tmp_path, kind, public_key_format="full")
    assert verify(data).key_fingerprint == PINNED_KEYS[kind].fingerprint


@pytest.mark.parametrize("sha", ["256", "512"])
def test_ed25519_signs_the_hash_that_the_image_has(sha: str, tmp_path: Path) -> None:
    """Which is what SMP calls the image's hash then."""
    data = tool_image(tmp_path, ED25519, signing={"user_sha": sha})
    size = read_image(data).signed_size
    expected = hashlib.new(f"sha{sha}", data[:size]).digest()
    assert verify(data).image_hash == expected


def test_ed25519_may_sign_the_whole_image(tmp_path: Path) -> None:
    """Then the hash is there for SMP only, and has to be right all the same."""
    data = tool_image(tmp_path, ED25519, signing={"is_pure": True})
    image = read_image(data)
    assert image.is_pure
    expected = hashlib.sha512(data[: image.signed_size]).digest()
    assert verify(data).image_hash == expected


def test_what_an_image_says_is_read(tmp_path: Path) -> None:
    """Everything that is needed of it."""
    data = tool_image(
        tmp_path,
        security_counter=9,
        dependencies=[(1, "2.0.0+1"), (0, "1.0.0")],
        rom_fixed=0x10000,
        vid="kestrel.example",
        cid="motor",
        signing={"sw_type": "LOCK", "custom_tlvs": {0xA0: b"the vendor's own"}},
    )
    image = read_image(data)
    assert image.data == data
    assert image.version == ImageVersion(1, 2, 3, 4)
    assert str(image.version) == "1.2.3+4"
    assert image.flags == 0x100
    assert image.hash.type == TlvType.SHA256
    assert image.hash.value == image.digest()
    assert not image.is_pure
    assert image.security_counter == 9
    assert image.dependencies == (
        Dependency(1, ImageVersion(2, 0, 0, 1)),
        Dependency(0, ImageVersion(1, 0, 0, 0)),
    )
    (signature,) = image.signatures
    assert signature.kind is KeyKind.ECDSA_P256
    assert signature.key.type == TlvType.KEY_HASH
    assert str(read_image(tool_image(tmp_path, version="0.1.0")).version) == "0.1.0"


@each_kind
def test_a_key_that_is_not_pinned_proves_nothing(kind: KeyKind, tmp_path: Path) -> None:
    """However good the signature is."""
    data = tool_image(tmp_path, kind)
    others = [key for each, key in PINNED_KEYS.items() if each is not kind]
    assert reason(data, keys=others) is FirmwareProblem.SIGNATURE_INVALID
    assert reason(data, keys=()) is FirmwareProblem.SIGNATURE_INVALID


@pytest.mark.parametrize(
    "other",
    [ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()],
)
def test_another_key_of_the_same_kind_proves_nothing(
    other: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, tmp_path: Path
) -> None:
    """The name of the key in the image is not the proof."""
    kind = (
        ED25519 if isinstance(other, ed25519.Ed25519PrivateKey) else KeyKind.ECDSA_P256
    )
    keys = [load_firmware_key(public_pem(other))]
    assert reason(tool_image(tmp_path, kind), keys=keys) is (
        FirmwareProblem.SIGNATURE_INVALID
    )


def test_an_image_without_a_signature_is_refused(tmp_path: Path) -> None:
    """The tool makes them when it is given no key."""
    image = bytes(tool_image(tmp_path))
    unsigned = read_image(image)
    area = image[unsigned.signed_size :]
    # The hash alone: a TLV of 32 bytes behind the four that begin the area.
    bare = b"\x07\x69" + (4 + 4 + 32).to_bytes(2, "little") + area[4 : 4 + 36]
    assert reason(image[: unsigned.signed_size] + bare) is FirmwareProblem.NOT_SIGNED


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("clear", [False, True])
def test_an_encrypted_image_is_refused(bits: int, clear: bool, tmp_path: Path) -> None:
    """Only the lock can look into it, so nobody here can check it."""
    file = tmp_path / "encryption.pem"
    imgtool_keys.ECDSA256P1.generate().export_public(str(file))
    data = tool_image(
        tmp_path,
        enckey=imgtool_keys.load(str(file)),
        signing={"encrypt_keylen": bits, "clear": clear},
    )
    assert reason(data) is FirmwareProblem.ENCRYPTED


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"load_addr": 0x2000_0000}, "it is meant to be started from RAM"),
        ({"non_bootable": True}, "it is not meant to be started"),
        (
            {
                "signing": {
                    "compression_tlvs": {"DECOMP_SIZE": bytes(4)},
                    "compression_type": "lzma2",
                }
            },
            "it is compressed",
        ),
    ],
)
def test_images_of_other_kinds_are_refused(
    options: dict[str, object], expected: str, tmp_path: Path
) -> None:
    """No lock that goes back by itself starts them."""
    assert detail(tool_image(tmp_path, **options)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("unit", [8, 32])
@pytest.mark.parametrize("erased", ["0xff", "0"])
def test_a_padded_image_is_refused(
    confirm: bool, unit: int, erased: str, tmp_path: Path
) -> None:
    """Its trailer would tell the lock to start it, or even to keep it, untried."""
    data = tool_image(
        tmp_path,
        pad=True,
        confirm=confirm,
        align=unit,
        max_align=unit,
        erased_val=erased,
    )
    assert reason(data) is FirmwareProblem.PADDED


def test_erased_flash_may_stand_behind_an_image(tmp_path: Path) -> None:
    """Tools that fill up files to whole sectors leave it."""
    data = tool_image(tmp_path) + b"\xff" * 1000
    assert verify(data).firmware == data
    assert detail(data + b"\xfe") == "something stands behind its end"


def test_elliptic_curves_that_no_release_has_are_refused(tmp_path: Path) -> None:
    """Their hash is another one."""
    data = tool_image(tmp_path, key=imgtool_keys.ECDSA384P1.generate())
    error = refusal(data)
    assert error.reason is FirmwareProblem.HASH_TYPE
    assert error.details == {"found": "sha384"}


def test_signatures_filled_up_with_zeros_are_read(tmp_path: Path) -> None:
    """Boot loaders before MCUboot 1.5 wanted them so."""
    key = tool_key(KeyKind.ECDSA_P256, tmp_path)
    key.pad_sig = True
    data = tool_image(tmp_path, key=key)
    (signature,) = read_image(data).signatures
    assert len(signature.value) == 72
    assert verify(data).firmware == data


@pytest.mark.parametrize("version", ["1.2.3", "1.2.3.4", "1.2.3+4", "01.02.003"])
def test_the_version_is_that_of_the_header(version: str, tmp_path: Path) -> None:
    """The build counts where the release tells it."""
    assert verify(tool_image(tmp_path), version=version)


def test_the_highest_version_that_a_header_holds_is_one(tmp_path: Path) -> None:
    """Each number of it fills its place."""
    version = "255.255.65535+4294967295"
    assert verify(tool_image(tmp_path, version=version), version=version)
    for higher in ("256.0.0", "0.256.0", "0.0.65536", "0.0.0+4294967296"):
        assert not ImageVersion(0, 0, 0, 0).is_of(Version.parse(DOTTED, higher))
        assert not can_be_version_of_image(Version.parse(DOTTED, higher))


@pytest.mark.parametrize(
    "version",
    [
        *("1.2", "1.2.4", "1.2.3.5", "1.2.3.0", "2.2.3"),
        *("1.2.3+5", "1.2.3+0", "1.2.3-4", "1.2.3_c51f7548"),
    ],
)
def test_another_version_than_the_release_is_refused(
    version: str, tmp_path: Path
) -> None:
    """The feed and the image have to say the same."""
    error = refusal(tool_image(tmp_path), version=version)
    assert error.reason is FirmwareProblem.WRONG_VERSION
    assert error.details == {"expected": version, "found": "1.2.3+4"}


@pytest.mark.parametrize(
    ("scheme", "version"),
    [(VersionScheme.INTEGER, "1"), (VersionScheme.DOTTED, "1.0.0.0.0")],
)
def test_some_versions_no_image_can_have(
    scheme: VersionScheme, version: str, tmp_path: Path
) -> None:
    """And none is taken for one."""
    data = tool_image(tmp_path, version="1.0.0")
    assert reason(data, version=version, scheme=scheme) is FirmwareProblem.WRONG_VERSION


@pytest.mark.parametrize("version", ["1", "1.0", "1.0.0", "1.0.0.0", "1.0.0+0", "1+0"])
def test_numbers_that_are_not_told_are_zero(version: str, tmp_path: Path) -> None:
    """As everywhere else."""
    assert verify(tool_image(tmp_path, version="1.0.0"), version=version)


@pytest.mark.parametrize(("told", "there"), [(0, 7), (8, 7), (1, None), (6, 7)])
def test_another_security_counter_is_refused(
    told: int, there: int | None, tmp_path: Path
) -> None:
    """It decides what may still run on the lock."""
    error = refusal(tool_image(tmp_path, security_counter=there), security_counter=told)
    assert error.reason is FirmwareProblem.WRONG_VERSION
    assert error.details == {"expected": str(told), "found": str(there or 0)}


@pytest.mark.parametrize("minimum", [None, 0, 6, 7, 8])
def test_a_lower_security_counter_is_refused(
    minimum: int | None, tmp_path: Path
) -> None:
    """An old hole stays closed."""
    data = tool_image(tmp_path, security_counter=7)
    if minimum != 8:
        assert verify(data, security_counter=7, minimum_security_counter=minimum)
        return
    error = refusal(data, security_counter=7, minimum_security_counter=minimum)
    assert error.reason is FirmwareProblem.DOWNGRADE
    assert error.details == {"minimum": "8", "found": "7"}


@pytest.mark.parametrize(
    ("image", "least"), [(1, "0.0.0"), (1, "2.0.0+5"), (2, "1.0.0"), (0, "1.2.4")]
)
def test_an_image_that_needs_another_one_is_refused(
    image: int, least: str, tmp_path: Path
) -> None:
    """What runs on a lock's other processors is not known."""
    error = refusal(tool_image(tmp_path, dependencies=[(image, least)]))
    assert error.reason is FirmwareProblem.NEEDS_OTHER_IMAGE
    assert error.details == {"image": str(image), "version": least}


def test_an_image_that_needs_itself_has_what_it_needs(tmp_path: Path) -> None:
    """The build does not count."""
    assert verify(tool_image(tmp_path, dependencies=[(0, "1.2.3+99")]))


def test_what_is_no_image_is_refused() -> None:
    """And nothing else is raised."""
    for data in (b"", b"PK\x03\x04", MAGIC, MAGIC + bytes(27), IMAGE, bytes(100)):
        assert detail(data) == "it does not begin as one"


def test_a_header_with_nothing_behind_it_is_refused(tmp_path: Path) -> None:
    """As it comes from a transfer that broke off."""
    data = tool_image(tmp_path)
    assert detail(data[:31]) == "it does not begin as one"
    assert detail(data[:32]) == "it ends too early"


def test_an_image_with_something_of_its_makers_in_front_is_told_from_others() -> None:
    """People have the right firmware then, in a form that is not sent."""
    assert reason(bytes.fromhex("55dfbf01") + bytes(60)) is FirmwareProblem.OWN_HEADER


def test_an_image_that_no_lock_has_room_for_is_refused() -> None:
    """Before it is looked into; one that fills the room is."""
    assert detail(MAGIC + bytes(MAX_IMAGE_SIZE - 4)) == "its header is wrong"
    error = refusal(MAGIC + bytes(MAX_IMAGE_SIZE - 3))
    assert error.reason is FirmwareProblem.TOO_LARGE
    assert error.details == {
        "size": str(MAX_IMAGE_SIZE + 1),
        "limit": str(MAX_IMAGE_SIZE),
    }
