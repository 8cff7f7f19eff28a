"""The vendor's other desk: makes MCUboot images, good ones and every kind of bad one.

Like ``dfu_package`` an implementation of its own, by hand. The tests of the rig hold it
against ``imgtool``, MCUboot's own signing tool.

An image is a header, the firmware, protected TLVs and TLVs: MCUboot's docs/design.md,
"Image format" and "Protected TLVs".
"""

from collections.abc import Sequence
from enum import IntEnum, IntFlag
import hashlib
import struct
from typing import TypedDict

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

IMAGE_MAGIC = 0x96F3B83D
PROTECTED_INFO_MAGIC = 0x6908
INFO_MAGIC = 0x6907
HEADER_SIZE = 0x200
"""Bytes; what Zephyr's builds leave for header and padding."""

HEADER = struct.Struct("<IIHHIIBBHII")
"""Magic, load address, header size, protected TLVs' size, image size, flags, version
(major, minor, revision, build), padding."""
TLV_INFO = struct.Struct("<HH")
"""Magic, size of all TLVs with this one."""
TLV = struct.Struct("<HH")
"""Type, length of the value."""
_DEPENDENCY = struct.Struct("<B3xBBHI")

type SigningKey = (
    ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
)
type Tlvs = Sequence[tuple[int, bytes]]


class TlvType(IntEnum):
    """What a TLV is; bootutil/image.h."""

    KEY_HASH = 0x01
    PUBLIC_KEY = 0x02
    SHA256 = 0x10
    RSA2048_PSS = 0x20
    ECDSA = 0x22
    RSA3072_PSS = 0x23
    ED25519 = 0x24
    PURE_SIGNATURE = 0x25
    ENCRYPTED_RSA2048 = 0x30
    ENCRYPTED_EC256 = 0x32
    DEPENDENCY = 0x40
    SECURITY_COUNTER = 0x50


class ImageFlag(IntFlag):
    """Flags of the header; bootutil/image.h."""

    NONE = 0
    ENCRYPTED_AES128 = 0x04
    ENCRYPTED_AES256 = 0x08
    NON_BOOTABLE = 0x10
    RAM_LOAD = 0x20
    ROM_FIXED = 0x100
    COMPRESSED_LZMA2 = 0x400


class ImageKnobs(TypedDict, total=False):
    """What can be turned away from right in an image; see ``make_mcuboot_image``."""

    security_counter: int | None
    dependencies: Sequence[tuple[int, str]]
    header_size: int
    magic: int
    load_address: int
    flags: ImageFlag
    image_size: int | None
    protected_size: int | None
    protected_tlvs: Tlvs
    protected_magic: int
    info_magic: int
    info_size: int | None
    digest: bytes | None
    without_digest: bool
    key_hash: bytes | None
    signature_type: int | None
    signature: bytes | None
    flip_signature_bit: int | None
    unsigned: bool
    signed_over: bytes | None
    tlvs_first: Tlvs
    tlvs_last: Tlvs
    tail: bytes


def parse_version(version: str) -> tuple[int, int, int, int]:
    """Return major, minor, revision and build of ``1.2.3`` or ``1.2.3+4``."""
    dotted, _, build = version.partition("+")
    major, minor, revision = (int(part) for part in dotted.split("."))
    return major, minor, revision, int(build or 0)


def public_key_hash(key: SigningKey) -> bytes:
    """Return what KEYHASH says of a key: SHA-256 of its public half.

    An RSA key is hashed as PKCS #1, every other as a SubjectPublicKeyInfo.
    """
    public_format = serialization.PublicFormat.SubjectPublicKeyInfo
    if isinstance(key, rsa.RSAPrivateKey):
        public_format = serialization.PublicFormat.PKCS1
    public = key.public_key().public_bytes(serialization.Encoding.DER, public_format)
    return hashlib.sha256(public).digest()


def signature_tlv(key: SigningKey) -> TlvType:
    """Return the type of the TLV that a key's signatures have."""
    if isinstance(key, rsa.RSAPrivateKey):
        return TlvType.RSA2048_PSS if key.key_size == 2048 else TlvType.RSA3072_PSS
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return TlvType.ED25519
    return TlvType.ECDSA


def sign_image(message: bytes, key: SigningKey) -> bytes:
    """Sign header, firmware and protected TLVs as the boot loader wants it.

    ECDSA (DER) and RSA (PSS, 32 bytes of salt) hash the message with SHA-256; Ed25519
    signs its SHA-256 digest, as if that were the message. ECDSA signatures are
    deterministic, so that images are reproducible.
    """
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(hashlib.sha256(message).digest())
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
        return key.sign(message, pss, hashes.SHA256())
    return key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def encode_tlvs(tlvs: Tlvs, *, magic: int, size: int | None = None) -> bytes:
    """Encode an area of TLVs; ``size=None`` means the true size."""
    body = b"".join(TLV.pack(kind, len(value)) + value for kind, value in tlvs)
    true_size = TLV_INFO.size + len(body)
    return TLV_INFO.pack(magic, true_size if size is None else size) + body


def make_mcuboot_image(
    firmware: bytes,
    *,
    key: SigningKey,
    version: str = "1.0.0",
    security_counter: int | None = None,
    dependencies: Sequence[tuple[int, str]] = (),
    header_size: int = HEADER_SIZE,
    magic: int = IMAGE_MAGIC,
    load_address: int = 0,
    flags: ImageFlag = ImageFlag.NONE,
    image_size: int | None = None,
    protected_size: int | None = None,
    protected_tlvs: Tlvs = (),
    protected_magic: int = PROTECTED_INFO_MAGIC,
    info_magic: int = INFO_MAGIC,
    info_size: int | None = None,
    digest: bytes | None = None,
    without_digest: bool = False,
    key_hash: bytes | None = None,
    signature_type: int | None = None,
    signature: bytes | None = None,
    flip_signature_bit: int | None = None,
    unsigned: bool = False,
    signed_over: bytes | None = None,
    tlvs_first: Tlvs = (),
    tlvs_last: Tlvs = (),
    tail: bytes = b"",
) -> bytes:
    """Make a signed image of some firmware; without knobs it is a good one.

    ``dependencies`` are numbers of images and the least versions that they must have;
    ``protected_tlvs`` follow the security counter and the dependencies. ``image_size``,
    ``protected_size`` and ``info_size`` replace the true sizes where they are written.
    ``digest``, ``key_hash`` and ``signature`` replace what would be right (an empty
    ``key_hash`` leaves that TLV out), ``signed_over`` the bytes that are signed;
    ``unsigned`` leaves key hash and signature out. ``tlvs_first`` and ``tlvs_last``
    stand around the usual TLVs, ``tail`` after the end of the image.
    """
    protected = [*protected_tlvs]
    protected[:0] = [
        (TlvType.DEPENDENCY, _DEPENDENCY.pack(number, *parse_version(least)))
        for number, least in dependencies
    ]
    if security_counter is not None:
        counter = security_counter.to_bytes(4, "little")
        protected.insert(0, (TlvType.SECURITY_COUNTER, counter))
    protected_area = b""
    if protected:
        protected_area = encode_tlvs(protected, magic=protected_magic)
    header = HEADER.pack(
        magic,
        load_address,
        header_size,
        len(protected_area) if protected_size is None else protected_size,
        len(firmware) if image_size is None else image_size,
        flags,
        *parse_version(version),
        0,
    )
    message = header.ljust(header_size, b"\xff") + firmware + protected_area
    tlvs = [*tlvs_first]
    if not without_digest:
        tlvs.append((TlvType.SHA256, digest or hashlib.sha256(message).digest()))
    if not unsigned:
        if key_hash is None:
            key_hash = public_key_hash(key)
        if key_hash:
            tlvs.append((TlvType.KEY_HASH, key_hash))
        if signature is None:
            signature = sign_image(message if signed_over is None else signed_over, key)
        if flip_signature_bit is not None:
            flipped = bytearray(signature)
            flipped[flip_signature_bit // 8] ^= 1 << flip_signature_bit % 8
            signature = bytes(flipped)
        kind = signature_tlv(key) if signature_type is None else signature_type
        tlvs.append((kind, signature))
    tlvs.extend(tlvs_last)
    return message + encode_tlvs(tlvs, magic=info_magic, size=info_size) + tail


def image_hash(image: bytes) -> bytes:
    """Return what SMP calls the hash of an image; it must be a well-formed one."""
    _, _, header_size, protected_size, size, *_ = HEADER.unpack_from(image)
    return hashlib.sha256(image[: header_size + size + protected_size]).digest()
