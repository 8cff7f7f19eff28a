"""Images that are not as MCUboot wants them: wrong sizes, doubles, things out of place."""

import hashlib
from pathlib import Path
from random import Random
import struct
from typing import Any, Unpack

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import KeyKind
from custom_components.nightlatch.core.firmware.mcuboot import read_image
from custom_components.nightlatch.core.firmware.mcuboot_signature import encode_key
from tests.rig.mcuboot_image import (
    HEADER,
    ImageFlag,
    ImageKnobs,
    TlvType,
    encode_tlvs,
    make_mcuboot_image,
    public_key_hash,
    sign_image,
)

from .imgtool_vendor import PINNED_KEYS, detail, reason, refusal, tool_image, verify
from .vendor import KEY, OTHER_KEY

FIRMWARE = Random(2).randbytes(700)
PLACE = "it ends too early"
HEADER_WRONG = "its header is wrong"
NOT_WHOLE = "what stands behind the firmware is not whole"
NOT_THERE = "what should stand behind the firmware is not there"


def image(**knobs: Unpack[ImageKnobs]) -> bytes:
    """Return an image with something turned."""
    return make_mcuboot_image(FIRMWARE, key=KEY, version="1.2.3", **knobs)


def test_without_anything_turned_it_is_good() -> None:
    """Or all that follows shows nothing."""
    assert verify(image())
    assert verify(image(security_counter=1), security_counter=1)
    # The firmware may begin right behind the header.
    assert verify(image(header_size=HEADER.size))


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"header_size": 31}, HEADER_WRONG),
        ({"header_size": 0}, HEADER_WRONG),
        ({"image_size": 0}, HEADER_WRONG),
        ({"image_size": 699}, NOT_THERE),
        ({"image_size": 701}, NOT_THERE),
        ({"image_size": 2**32 - 1}, PLACE),
        ({"protected_size": 8}, NOT_THERE),
        ({"security_counter": 1, "protected_size": 0}, NOT_THERE),
        ({"security_counter": 1, "protected_size": 11}, HEADER_WRONG),
        ({"security_counter": 1, "protected_size": 13}, HEADER_WRONG),
        ({"security_counter": 1, "protected_magic": 0x6907}, NOT_THERE),
        ({"info_magic": 0x6908}, NOT_THERE),
        ({"info_magic": 0}, NOT_THERE),
        ({"info_size": 3}, PLACE),
        ({"info_size": 0xFFFF}, PLACE),
        ({"info_size": 4}, "something stands behind its end"),
        ({"info_size": 6}, "something stands behind its end"),
        ({"tail": b"\0"}, "something stands behind its end"),
        ({"tail": b"X"}, "something stands behind its end"),
        ({"tlvs_last": [(0x50, bytes(4))]}, "its value 0x50 is not protected"),
        ({"tlvs_last": [(0x40, bytes(12))]}, "its value 0x40 is not protected"),
        ({"tlvs_last": [(0xA1, b"")]}, "its value 0xa1 is not protected"),
        ({"tlvs_last": [(0x21, bytes(56))]}, "its value 0x21 is not protected"),
        (
            {"protected_tlvs": [(TlvType.SHA256, bytes(32))]},
            "its value 0x10 stands in the wrong place",
        ),
        (
            {"protected_tlvs": [(TlvType.KEY_HASH, public_key_hash(KEY))]},
            "its value 0x01 stands in the wrong place",
        ),
        ({"protected_tlvs": [(0x50, bytes(3))]}, "its value 0x50 is wrong"),
        ({"protected_tlvs": [(0x50, bytes(4))] * 2}, "its value 0x50 is wrong"),
        ({"protected_tlvs": [(0x40, bytes(11))]}, "its value 0x40 is wrong"),
        ({"without_digest": True}, "it has 0 hashes"),
        ({"tlvs_last": [(TlvType.SHA256, bytes(32))]}, "it has 2 hashes"),
        ({"tlvs_last": [(0x12, bytes(64))]}, "it has 2 hashes"),
        ({"tlvs_last": [(0x25, b"\x01")] * 2}, "its value 0x25 is wrong"),
        ({"tlvs_last": [(0x25, b"\x00")]}, "its value 0x25 is wrong"),
        ({"tlvs_last": [(0x25, b"")]}, "its value 0x25 is wrong"),
        ({"key_hash": b""}, "it has a signature of no key"),
        ({"tlvs_last": [(TlvType.ECDSA, b"")]}, "it has a signature of no key"),
        (
            {"tlvs_last": [(TlvType.KEY_HASH, bytes(32))]},
            "it names a key for no signature",
        ),
        (
            {"tlvs_first": [(TlvType.KEY_HASH, bytes(32))]},
            "it names a key for no signature",
        ),
        (
            {"tlvs_last": [(TlvType.KEY_HASH, b""), (TlvType.ECDSA, b"")] * 8},
            "it has 9 signatures",
        ),
        ({"protected_tlvs": [(0xA0, b"")] * 65}, NOT_WHOLE),
        ({"flags": ImageFlag.NON_BOOTABLE}, "it is not meant to be started"),
        ({"flags": ImageFlag.RAM_LOAD}, "it is meant to be started from RAM"),
        ({"flags": ImageFlag.COMPRESSED_LZMA2}, "it is compressed"),
        ({"flags": ImageFlag(0x2000)}, "its flags 0x2000 are not known"),
        ({"tlvs_last": [(0x25, b"\x01")]}, None),
    ],
)
def test_an_image_that_is_none_is_refused(
    knobs: dict[str, Any], expected: str | None
) -> None:
    """With what is wrong about it."""
    expected = expected or "its kind of signature cannot be over the whole of it"
    assert detail(image(**knobs)) == expected


@pytest.mark.parametrize("cut", range(1, 120))
def test_an_image_that_is_cut_short_is_refused(cut: int) -> None:
    """Wherever."""
    data = image(security_counter=1)
    assert reason(data[:-cut]) is FirmwareProblem.IMAGE_INVALID


@pytest.mark.parametrize("length", [0, 1, 3, 5])
def test_values_have_to_fill_their_area(length: int) -> None:
    """To the byte."""
    data = image()
    end = read_image(data).signed_size
    area = bytearray(data[end:])
    area += bytes(length) if length != 1 else b"\x10"
    area[2:4] = len(area).to_bytes(2, "little")
    if length:
        assert detail(data[:end] + area) in {
            NOT_WHOLE,
            "its value 0x00 is not protected",
        }
    else:
        assert verify(data[:end] + area)


@pytest.mark.parametrize(
    "kind", [TlvType.ENCRYPTED_RSA2048, TlvType.ENCRYPTED_EC256, 0x31, 0x34, 0x3F]
)
@pytest.mark.parametrize("place", ["tlvs_last", "protected_tlvs"])
def test_a_key_of_encryption_shows_that_it_is_encrypted(kind: int, place: str) -> None:
    """Whatever the flags say."""
    knobs: Any = {place: [(kind, bytes(16))]}
    data = image(**knobs)
    assert reason(data) is FirmwareProblem.ENCRYPTED


@pytest.mark.parametrize(
    "flag", [ImageFlag.ENCRYPTED_AES128, ImageFlag.ENCRYPTED_AES256]
)
def test_the_flags_show_that_it_is_encrypted(flag: ImageFlag) -> None:
    """Whatever else is there."""
    assert reason(image(flags=flag)) is FirmwareProblem.ENCRYPTED


def test_a_hash_that_is_not_the_signed_one_is_refused() -> None:
    """The lock's server would tell it, and nothing would be found again."""
    assert reason(image(digest=bytes(32))) is FirmwareProblem.HASH_MISMATCH


def test_the_signature_comes_first() -> None:
    """No other refusal speaks of what anybody could have written."""
    for knobs in (
        ImageKnobs(flags=ImageFlag.RAM_LOAD),
        ImageKnobs(digest=bytes(32)),
        ImageKnobs(dependencies=[(1, "9.0.0")]),
        ImageKnobs(security_counter=9),
    ):
        data = make_mcuboot_image(FIRMWARE, key=OTHER_KEY, version="7.7.7", **knobs)
        assert reason(data) is FirmwareProblem.SIGNATURE_INVALID


def test_a_signature_over_something_else_is_refused() -> None:
    """Under the right key as it may be."""
    wrong = FirmwareProblem.SIGNATURE_INVALID
    assert reason(image(signed_over=FIRMWARE)) is wrong
    assert reason(image(key_hash=public_key_hash(OTHER_KEY))) is wrong
    assert reason(image(key_hash=bytes(31))) is wrong
    assert reason(image(signature=b"")) is wrong
    assert reason(image(signature=bytes(72))) is wrong
    assert reason(image(signature_type=TlvType.ED25519)) is wrong
    for bit in range(0, 70 * 8, 7):
        assert reason(image(flip_signature_bit=bit)) is wrong


def test_filling_that_is_not_of_zeros_is_refused() -> None:
    """Nothing may be hidden behind a signature."""
    message = image()[: read_image(image()).signed_size]
    good = sign_image(message, KEY)
    assert len(good) < 72
    filled = image(signature=good.ljust(72, b"\0"))
    assert verify(filled)
    for filling in (b"\1", b"X", b"\xff"):
        hidden = image(signature=good.ljust(72, filling))
        assert reason(hidden) is FirmwareProblem.SIGNATURE_INVALID
    # Nor is it filling where boot loaders never wanted any.
    longer = image(signature=good.ljust(73, b"\0"))
    assert reason(longer) is FirmwareProblem.SIGNATURE_INVALID


def test_an_image_may_have_eight_signatures() -> None:
    """More than anybody has keys; nine are refused."""
    more = [(TlvType.KEY_HASH, b""), (TlvType.ECDSA, b"")] * 7
    data = image(tlvs_last=more)
    assert len(read_image(data).signatures) == 8
    assert verify(data)


def test_one_good_signature_of_several_is_enough() -> None:
    """A vendor who changes keys signs with both for a while."""
    data = image()
    message = data[: read_image(data).signed_size]
    other = [
        (TlvType.KEY_HASH, public_key_hash(OTHER_KEY)),
        (TlvType.ECDSA, sign_image(message, OTHER_KEY)),
    ]
    pinned = PINNED_KEYS[KeyKind.ECDSA_P256].fingerprint
    for place in ("tlvs_first", "tlvs_last"):
        knobs: Any = {place: other}
        both = image(**knobs)
        assert verify(both).key_fingerprint == pinned
    bad = image(signature=b"", tlvs_last=other)
    assert reason(bad) is FirmwareProblem.SIGNATURE_INVALID


def test_ecdsa_over_another_hash_is_refused() -> None:
    """MCUboot would take a part of it, and no tool makes such images well."""
    data = image()
    message = data[: read_image(data).signed_size]
    key_hash = hashlib.sha512(encode_key(KEY.public_key())).digest()
    signature = KEY.sign(message, ec.ECDSA(hashes.SHA512()))
    area = encode_tlvs(
        [
            (0x12, hashlib.sha512(message).digest()),
            (TlvType.KEY_HASH, key_hash),
            (TlvType.ECDSA, signature),
        ],
        magic=0x6907,
    )
    error = refusal(message + area)
    assert error.reason is FirmwareProblem.HASH_TYPE
    assert error.details == {"found": "sha512"}


# Properties.


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return an image of each kind that the tool has made."""
    directory: Path = tmp_path_factory.mktemp("images")
    made = [
        tool_image(
            directory, kind, firmware=FIRMWARE, version="1.2.3", security_counter=1
        )
        for kind in KeyKind
    ]
    made.append(
        tool_image(
            directory,
            KeyKind.ED25519,
            firmware=FIRMWARE,
            version="1.2.3",
            security_counter=1,
            signing={"is_pure": True},
        )
    )
    return made


def test_every_byte_counts(genuine: list[bytes]) -> None:
    """Each one of them, turned over, makes the image be refused."""
    for data in genuine:
        step = 1 if len(data) < 1500 else 3
        for position in [*range(32), *range(32, len(data), step)]:
            changed = bytearray(data)
            changed[position] ^= 0xFF
            with pytest.raises(FirmwareError):
                verify(bytes(changed), security_counter=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_is_noticed(genuine: list[bytes], data: st.DataObject) -> None:
    """Bytes changed, left out, put in or doubled; never anything but a refusal."""
    whole = data.draw(st.sampled_from(genuine))
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    put = data.draw(st.binary(max_size=40))
    changed = whole[:start] + put + whole[end:]
    if changed.rstrip(b"\xff") == whole:
        return
    with pytest.raises(FirmwareError):
        verify(changed, security_counter=1)


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    """Behind a header that is right."""
    header = HEADER.pack(0x96F3B83D, 0, 32, 0, 1, 0, 1, 0, 0, 0, 0)
    for each in (data, header + data, header[:8] + data):
        with pytest.raises(FirmwareError):
            verify(each)


@given(
    sizes=st.tuples(
        st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.integers(0, 2**32 - 1)
    )
)
def test_no_sizes_in_a_header_lead_out_of_the_image(
    sizes: tuple[int, int, int],
) -> None:
    """Nothing but a refusal comes of them."""
    data = bytearray(image(security_counter=1))
    before = bytes(data)
    struct.pack_into("<HHI", data, 8, *sizes)
    if bytes(data) == before:
        return
    with pytest.raises(FirmwareError):
        verify(bytes(data), security_counter=1)
