"""What a boot loader makes of the bytes in a slot, and whether it believes them."""

from dataclasses import dataclass
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from .mcuboot_flash import Slot
from .mcuboot_image import (
    HEADER,
    IMAGE_MAGIC,
    INFO_MAGIC,
    PROTECTED_INFO_MAGIC,
    TLV,
    TLV_INFO,
    ImageFlag,
    TlvType,
)

type PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_SIGNATURES = {
    TlvType.RSA2048_PSS,
    TlvType.RSA3072_PSS,
    TlvType.ECDSA,
    TlvType.ED25519,
}


class NoImage(Exception):
    """What is in a slot is no image."""


@dataclass(frozen=True, slots=True)
class SlotImage:
    """An image as it stands in a slot; nothing of it is proven yet."""

    version: tuple[int, int, int, int]
    flags: ImageFlag
    firmware: bytes
    message: bytes
    """Header, firmware and protected TLVs: what is hashed and signed."""
    protected: tuple[tuple[int, bytes], ...]
    tlvs: tuple[tuple[int, bytes], ...]
    size: int
    """Bytes from the header to the last TLV."""

    @property
    def version_text(self) -> str:
        """The version as SMP shows it: the build only where there is one."""
        *dotted, build = self.version
        shown = dotted if not build else [*dotted, build]
        return ".".join(str(part) for part in shown)

    @property
    def hash(self) -> bytes | None:
        """What the image says is its hash."""
        found = [value for kind, value in self.tlvs if kind == TlvType.SHA256]
        return found[0] if len(found) == 1 and len(found[0]) == 32 else None

    @property
    def security_counter(self) -> int | None:
        """Its security counter, which counts only where it is protected."""
        for kind, value in self.protected:
            if kind == TlvType.SECURITY_COUNTER and len(value) == 4:
                return int.from_bytes(value, "little")
        return None


def read_slot(slot: Slot) -> SlotImage:
    """Read the image in a slot; raise ``NoImage``."""
    magic, _, header_size, protected_size, size, flags, *version, _ = HEADER.unpack(
        slot.read(0, HEADER.size)
    )
    if magic != IMAGE_MAGIC:
        raise NoImage("magic")
    end = header_size + size
    if header_size < HEADER.size or end + protected_size > slot.size:
        raise NoImage("sizes")
    protected: tuple[tuple[int, bytes], ...] = ()
    if protected_size:
        protected, protected_end = _read_tlvs(slot, end, PROTECTED_INFO_MAGIC)
        if protected_end != end + protected_size:
            raise NoImage("protected TLVs")
    tlvs, last = _read_tlvs(slot, end + protected_size, INFO_MAGIC)
    return SlotImage(
        version=(version[0], version[1], version[2], version[3]),
        flags=ImageFlag(flags),
        firmware=slot.read(header_size, size),
        message=slot.read(0, end + protected_size),
        protected=protected,
        tlvs=tlvs,
        size=last,
    )


def _read_tlvs(
    slot: Slot, offset: int, magic: int
) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """Return the TLVs of an area, and its end; raise ``NoImage``."""
    info = slot.read(offset, TLV_INFO.size)
    if len(info) < TLV_INFO.size or TLV_INFO.unpack(info)[0] != magic:
        raise NoImage("TLVs")
    end = offset + TLV_INFO.unpack(info)[1]
    if end > slot.size:
        raise NoImage("TLVs")
    offset += TLV_INFO.size
    found = []
    while offset < end:
        if offset + TLV.size > end:
            raise NoImage("TLVs")
        kind, length = TLV.unpack(slot.read(offset, TLV.size))
        offset += TLV.size
        if offset + length > end:
            raise NoImage("TLVs")
        found.append((kind, slot.read(offset, length)))
        offset += length
    return tuple(found), end


def is_genuine(image: SlotImage, key: PublicKey) -> bool:
    """Return whether an image is whole, and signed under the key of the boot loader."""
    if image.hash != hashlib.sha256(image.message).digest():
        return False
    signed = False
    ours = False
    for kind, value in image.tlvs:
        if kind == TlvType.KEY_HASH:
            ours = value == _key_hash(key)
        elif kind in _SIGNATURES and ours:
            # A signature counts under the key that was named before it.
            signed = signed or _verifies(key, TlvType(kind), value, image.message)
    return signed


def _key_hash(key: PublicKey) -> bytes:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    if isinstance(key, rsa.RSAPublicKey):
        kind = serialization.PublicFormat.PKCS1
    public = key.public_bytes(serialization.Encoding.DER, kind)
    return hashlib.sha256(public).digest()


def _verifies(key: PublicKey, kind: TlvType, signature: bytes, message: bytes) -> bool:
    try:
        match key:
            case ec.EllipticCurvePublicKey() if kind is TlvType.ECDSA:
                key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
            case ed25519.Ed25519PublicKey() if kind is TlvType.ED25519:
                key.verify(signature, hashlib.sha256(message).digest())
            case rsa.RSAPublicKey() if kind in {
                TlvType.RSA2048_PSS,
                TlvType.RSA3072_PSS,
            }:
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
                key.verify(signature, message, pss, hashes.SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True
