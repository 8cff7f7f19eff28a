"""MCUboot images, held against MCUboot's own tool."""

import hashlib
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given, settings, strategies as st
from imgtool import image as imgtool_image, keys as imgtool_keys  # type: ignore[import-untyped]
from imgtool.version import decode_version  # type: ignore[import-untyped]
import pytest

from tests.rig.image import make_image
from tests.rig.mcuboot_image import (
    HEADER,
    ImageFlag,
    SigningKey,
    TlvType,
    image_hash,
    make_mcuboot_image,
    parse_version,
    public_key_hash,
)

KEYS: dict[str, SigningKey] = {
    "ecdsa": ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
    "rsa2048": rsa.generate_private_key(65537, 2048),
    "rsa3072": rsa.generate_private_key(65537, 3072),
}
EC_KEY = KEYS["ecdsa"]
FIRMWARE = make_image("1.2.3", 4000, 1)
VERIFIED = imgtool_image.VerifyResult


def oracle_key(key: SigningKey, directory: Path) -> Any:
    """Return a key as the tool has it."""
    file = directory / "key.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return imgtool_keys.load(str(file))


def verified(image: bytes, key: SigningKey, directory: Path) -> Any:
    """Return what the tool says of an image under a key."""
    file = directory / "image.bin"
    file.write_bytes(image)
    result, *_ = imgtool_image.Image.verify(str(file), oracle_key(key, directory))
    return result


def oracle_image(key: SigningKey, directory: Path, **options: Any) -> bytes:
    """Return the image that the tool makes of the firmware."""
    dependencies = options.pop("dependencies", None)
    image = imgtool_image.Image(
        version=decode_version("1.2.3+4"),
        header_size=0x200,
        pad_header=True,
        slot_size=0x20000,
        **options,
    )
    file = directory / "firmware.bin"
    file.write_bytes(FIRMWARE)
    image.load(str(file))
    image.create(oracle_key(key, directory), "hash", None, dependencies)
    return bytes(image.payload)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("counter", [None, 7])
def test_the_tool_verifies_what_is_made(
    kind: str, counter: int | None, tmp_path: Path
) -> None:
    """Under the right key, and under no other of its kind."""
    key = KEYS[kind]
    image = make_mcuboot_image(
        FIRMWARE,
        key=key,
        version="1.2.3+4",
        security_counter=counter,
        dependencies=[(1, "1.0.0")],
    )
    assert verified(image, key, tmp_path) is VERIFIED.OK
    others: dict[str, SigningKey] = {
        "ecdsa": ec.generate_private_key(ec.SECP256R1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    if kind in others:
        assert verified(image, others[kind], tmp_path) is not VERIFIED.OK


@pytest.mark.parametrize("kind", KEYS)
def test_the_tool_makes_the_same_images(kind: str, tmp_path: Path) -> None:
    """To the byte, apart from the signature, which may be random."""
    key = KEYS[kind]
    made = make_mcuboot_image(
        FIRMWARE,
        key=key,
        version="1.2.3+4",
        security_counter=7,
        dependencies=[(0, "1.0.0"), (1, "2.3.4+5")],
    )
    oracle = oracle_image(
        key,
        tmp_path,
        security_counter=7,
        dependencies={
            "images": ["0", "1"],
            "versions": [decode_version("1.0.0"), decode_version("2.3.4+5")],
        },
    )
    # The signature comes last.
    before = made.index(public_key_hash(key)) + 32
    # What follows the key's hash is the area's last TLV; ECDSA's varies in length, and
    # the size of the area with it.
    area = before - 32 - 4 - 36 - 4
    assert made[:area] == oracle[:area]
    assert made[area + 4 : before + 2] == oracle[area + 4 : before + 2]


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_the_tool_notices_every_bit_that_is_wrong(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In header, firmware, protected TLVs and digest."""
    image = make_mcuboot_image(FIRMWARE, key=EC_KEY, security_counter=1)
    end = image.index(image_hash(image)) + 32
    bit = data.draw(st.integers(0, end * 8 - 1))
    damaged = bytearray(image)
    damaged[bit // 8] ^= 1 << bit % 8
    directory = tmp_path_factory.mktemp("bit")
    try:
        result = verified(bytes(damaged), EC_KEY, directory)
    except Exception as err:  # noqa: BLE001  sizes that lead out of the file
        result = err
    assert result is not VERIFIED.OK


@pytest.mark.parametrize(
    ("knobs", "result"),
    [
        ({"magic": 1}, VERIFIED.INVALID_MAGIC),
        ({"info_magic": 1}, VERIFIED.INVALID_TLV_INFO_MAGIC),
        ({"digest": bytes(32)}, VERIFIED.INVALID_HASH),
        ({"flip_signature_bit": 99}, VERIFIED.INVALID_SIGNATURE),
        ({"signed_over": b"something else"}, VERIFIED.INVALID_SIGNATURE),
        ({"key_hash": bytes(32)}, VERIFIED.OK),  # it tries the key all the same
        ({"security_counter": 3}, VERIFIED.OK),
        ({"flags": ImageFlag.RAM_LOAD, "load_address": 0x20000000}, VERIFIED.OK),
        ({"tlvs_first": [(0xA0, b"vendor's own")]}, VERIFIED.OK),
        ({"protected_tlvs": [(0xA1, b"vendor's own")]}, VERIFIED.OK),
        ({"tail": b"\xff" * 100}, VERIFIED.OK),
    ],
)
def test_what_the_tool_says_of_odd_images(
    knobs: dict[str, Any], result: Any, tmp_path: Path
) -> None:
    """Each knob makes what it says, and nothing else wrong."""
    image = make_mcuboot_image(FIRMWARE, key=EC_KEY, **knobs)
    assert verified(image, EC_KEY, tmp_path) is result


@pytest.mark.parametrize(
    "knobs", [{"unsigned": True}, {"signature_type": TlvType.ED25519}]
)
def test_an_image_without_a_signature_of_the_key_is_not_ok(
    knobs: dict[str, Any], tmp_path: Path
) -> None:
    """A digest alone proves nothing."""
    image = make_mcuboot_image(FIRMWARE, key=EC_KEY, **knobs)
    assert verified(image, EC_KEY, tmp_path) is not VERIFIED.OK


def test_the_hash_is_that_of_the_tlv() -> None:
    """It covers header, firmware and protected TLVs."""
    image = make_mcuboot_image(FIRMWARE, key=EC_KEY, security_counter=1)
    assert image_hash(image) in image
    covered = image.index(TlvType.SHA256.to_bytes(2, "little") + b"\x20\0") - 4
    assert image_hash(image) == hashlib.sha256(image[:covered]).digest()


def test_versions_have_three_numbers_and_perhaps_a_build() -> None:
    """As the header has them."""
    assert parse_version("1.2.3") == (1, 2, 3, 0)
    assert parse_version("10.20.3000+4") == (10, 20, 3000, 4)
    image = make_mcuboot_image(FIRMWARE, key=EC_KEY, version="10.20.3000+4")
    assert HEADER.unpack_from(image)[6:10] == (10, 20, 3000, 4)


def test_images_are_reproducible() -> None:
    """The same firmware always makes the same bytes."""
    one = make_mcuboot_image(FIRMWARE, key=EC_KEY)
    assert one == make_mcuboot_image(FIRMWARE, key=EC_KEY)
