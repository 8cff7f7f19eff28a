"""The vendor's desk: makes DFU packages, good ones and every kind of bad one.

An implementation of its own, by hand, that shares nothing with the code under test: a
mistake in reading that had a twin in writing would otherwise go unseen.
"""

from collections.abc import Sequence
from enum import Enum, IntEnum
import hashlib
import io
import json
from typing import Literal, TypedDict, Unpack
import warnings
import zipfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

type ZipMembers = Sequence[tuple[str | zipfile.ZipInfo, bytes]]


class FwType(IntEnum):
    """What an init packet says that the image is."""

    APPLICATION = 0
    SOFTDEVICE = 1
    BOOTLOADER = 2
    SOFTDEVICE_BOOTLOADER = 3
    EXTERNAL_APPLICATION = 4


class HashType(IntEnum):
    """The algorithms that an init packet can name for the image's hash."""

    NONE = 0
    CRC = 1
    SHA128 = 2
    SHA256 = 3
    SHA512 = 4


class SignatureType(IntEnum):
    """The algorithms that an init packet can name for its signature."""

    ECDSA_P256_SHA256 = 0
    ED25519 = 1


class SignedOver(Enum):
    """The bytes that a signature is made over; only the first are right."""

    INIT_COMMAND = "InitCommand"
    COMMAND = "Command"


class InitCommandKnobs(TypedDict, total=False):
    """What can be turned away from right in an InitCommand; see ``make_init_command``."""

    sd_req: Sequence[int]
    fw_type: int | None
    app_size: int | None
    hash_type: int
    hash_reversed: bool
    is_debug: bool | None
    boot_validation: Sequence[tuple[int, bytes]]
    init_command_tail: bytes


class InitPacketKnobs(InitCommandKnobs, total=False):
    """What can be turned away from right in an init packet; see ``make_init_packet``."""

    init_command: bytes | None
    op_code: int | None
    signature_type: int | None
    signed_over: SignedOver
    big_endian: bool
    flip_signature_bit: int | None
    signature: bytes | None
    unsigned: bool
    both_commands: bool


def generate_key() -> ec.EllipticCurvePrivateKey:
    """Return a new firmware key."""
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey,
) -> str:
    """Return the public half as a PEM SubjectPublicKeyInfo."""
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def varint(value: int) -> bytes:
    """Encode a protobuf varint."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number_field(number: int, value: int | None) -> bytes:
    """Encode a protobuf varint field; nothing for ``None``."""
    return b"" if value is None else varint(number << 3) + varint(value)


def bytes_field(number: int, value: bytes) -> bytes:
    """Encode a length-delimited protobuf field."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def make_init_command(
    image: bytes,
    *,
    fw_version: int | None,
    hw_version: int | None,
    sd_req: Sequence[int] = (0xFFFE,),
    fw_type: int | None = FwType.APPLICATION,
    app_size: int | None = None,
    hash_type: int = HashType.SHA256,
    hash_reversed: bool = True,
    is_debug: bool | None = False,
    boot_validation: Sequence[tuple[int, bytes]] = ((1, b""),),
    init_command_tail: bytes = b"",
) -> bytes:
    """Encode the InitCommand of an image: what a signature is made over.

    ``None`` leaves a field out; ``app_size=None`` means the true size.
    """
    digest = hashlib.sha256(image).digest()
    if hash_reversed:
        digest = digest[::-1]
    size = len(image) if app_size is None else app_size
    return b"".join(
        (
            number_field(1, fw_version),
            number_field(2, hw_version),
            bytes_field(3, b"".join(varint(fwid) for fwid in sd_req)),
            number_field(4, fw_type),
            number_field(5, size if fw_type == FwType.SOFTDEVICE else 0),
            number_field(6, size if fw_type == FwType.BOOTLOADER else 0),
            number_field(7, size),
            bytes_field(8, number_field(1, hash_type) + bytes_field(2, digest)),
            number_field(9, None if is_debug is None else int(is_debug)),
            *(
                bytes_field(10, number_field(1, kind) + bytes_field(2, value))
                for kind, value in boot_validation
            ),
            init_command_tail,
        )
    )


def sign(
    message: bytes, key: ec.EllipticCurvePrivateKey, *, big_endian: bool = False
) -> bytes:
    """Sign as the bootloader wants it: r and s, 32 bytes each, little-endian.

    The same message always gives the same signature, so that packages are reproducible.
    """
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(key.sign(message, algorithm))
    order: Literal["big", "little"] = "big" if big_endian else "little"
    return r.to_bytes(32, order) + s.to_bytes(32, order)


def make_init_packet(
    image: bytes,
    *,
    key: ec.EllipticCurvePrivateKey,
    fw_version: int | None = 1,
    hw_version: int | None = 52,
    init_command: bytes | None = None,
    op_code: int | None = 1,
    signature_type: int | None = SignatureType.ECDSA_P256_SHA256,
    signed_over: SignedOver = SignedOver.INIT_COMMAND,
    big_endian: bool = False,
    flip_signature_bit: int | None = None,
    signature: bytes | None = None,
    unsigned: bool = False,
    both_commands: bool = False,
    **knobs: Unpack[InitCommandKnobs],
) -> bytes:
    """Make the init packet (``.dat``) of an image; without knobs it is a good one.

    ``init_command`` stands in for the one of the image (whose knobs then have no effect),
    ``signature`` replaces the one that would be made, ``unsigned`` leaves it away as the
    format foresees it, ``both_commands`` adds an unsigned command beside the signed one,
    ``init_command_tail`` is appended to the InitCommand before it is signed.
    """
    if init_command is None:
        init_command = make_init_command(
            image, fw_version=fw_version, hw_version=hw_version, **knobs
        )
    command = number_field(1, op_code) + bytes_field(2, init_command)
    if unsigned:
        return bytes_field(1, command)
    if signature is None:
        message = init_command if signed_over is SignedOver.INIT_COMMAND else command
        signature = sign(message, key, big_endian=big_endian)
    if flip_signature_bit is not None:
        flipped = bytearray(signature)
        flipped[flip_signature_bit // 8] ^= 1 << flip_signature_bit % 8
        signature = bytes(flipped)
    signed = (
        bytes_field(1, command)
        + number_field(2, signature_type)
        + bytes_field(3, signature)
    )
    packet = bytes_field(2, signed)
    return bytes_field(1, command) + packet if both_commands else packet


def make_zip(members: ZipMembers, *, compress: bool = True) -> bytes:
    """Zip members as the usual tools do, be they ever so odd."""
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    file = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),  # of a name that comes twice
        zipfile.ZipFile(file, "w", method) as archive,
    ):
        for name, data in members:
            archive.writestr(name, data, compress_type=method)
    return file.getvalue()


def make_manifest(*parts: str, bin_file: str, dat_file: str) -> bytes:
    """Encode a manifest that names the same two files for each part."""
    files = {"bin_file": bin_file, "dat_file": dat_file}
    return json.dumps({"manifest": dict.fromkeys(parts, files)}, indent=4).encode()


def make_package(
    image: bytes,
    *,
    key: ec.EllipticCurvePrivateKey,
    fw_version: int | None = 1,
    hw_version: int | None = 52,
    init_packet: bytes | None = None,
    manifest: bytes | None = None,
    parts: Sequence[str] = ("application",),
    bin_file: str = "lock.bin",
    dat_file: str = "lock.dat",
    extra_members: ZipMembers = (),
    compress: bool = True,
    **knobs: Unpack[InitPacketKnobs],
) -> bytes:
    """Make a DFU zip of an image; without knobs it is a good one."""
    if init_packet is None:
        init_packet = make_init_packet(
            image, key=key, fw_version=fw_version, hw_version=hw_version, **knobs
        )
    if manifest is None:
        manifest = make_manifest(*parts, bin_file=bin_file, dat_file=dat_file)
    return make_zip(
        (
            (bin_file, image),
            (dat_file, init_packet),
            ("manifest.json", manifest),
            *extra_members,
        ),
        compress=compress,
    )
