"""Signatures of MCUboot images: under which key they hold.

Source: MCUboot, ``bootutil/src/image_validate.c``, ``image_ecdsa.c``, ``image_ed25519.c``
and ``image_rsa.c``, and its signing tool (2.3).
"""

from collections.abc import Callable, Sequence
import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
)

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey
from .keys import KeyKind, PublicKey, kind_of, load_public_key
from .mcuboot_tlv import Tlv, TlvType, invalid

HASHES: Final[dict[int, Callable[[bytes], bytes]]] = {
    TlvType.SHA256: lambda data: hashlib.sha256(data).digest(),
    TlvType.SHA512: lambda data: hashlib.sha512(data).digest(),
}
"""How the hashes are made that an image may have."""
SIGNATURE_KINDS: Final = {
    TlvType.ECDSA: KeyKind.ECDSA_P256,
    TlvType.ED25519: KeyKind.ED25519,
    TlvType.RSA2048_PSS: KeyKind.RSA_2048,
    TlvType.RSA3072_PSS: KeyKind.RSA_3072,
}
"""What kind of key makes which signatures."""

# Boot loaders before MCUboot 1.5 wanted ECDSA signatures filled up to it with zeros.
_FILLED_ECDSA_SIZE = 72


class Signature(NamedTuple):
    """A signature, and the key that it says it is made with."""

    type: TlvType
    value: bytes
    key: Tlv
    """The hash of the key, or the key itself, in MCUboot's encoding of it."""

    @property
    def kind(self) -> KeyKind:
        """The kind of key that makes such signatures."""
        return SIGNATURE_KINDS[self.type]


def find_signer(
    signatures: Sequence[Signature],
    keys: Sequence[FirmwareKey],
    *,
    signed: bytes | None,
    digest: Tlv,
) -> FirmwareKey:
    """Return the first of some keys under which one of the signatures holds.

    ``digest`` is the hash of the image, as computed here; ``signed`` its bytes where they
    themselves are signed, else None.

    Raises ``FirmwareError``: NOT_SIGNED, SIGNATURE_INVALID, KEY_INVALID, and for
    signatures that no boot loader makes out, HASH_TYPE and IMAGE_INVALID.
    """
    if not signatures:
        raise FirmwareError(FirmwareProblem.NOT_SIGNED)
    message = digest.value if signed is None else signed
    for key in keys:
        public_key = load_public_key(key)
        kind = kind_of(key)
        encoded = encode_key(public_key)
        names = {
            Tlv(TlvType.PUBLIC_KEY, encoded),
            Tlv(TlvType.KEY_HASH, HASHES[digest.type](encoded)),
        }
        for signature in signatures:
            if signature.kind is kind and signature.key in names:
                if kind is not KeyKind.ED25519:
                    _check_hashed(digest.type, pure=signed is not None)
                if _holds(public_key, signature.value, message):
                    return key
    raise FirmwareError(FirmwareProblem.SIGNATURE_INVALID)


def _check_hashed(hash_type: int, *, pure: bool) -> None:
    """Check that what is signed is what ECDSA P-256 and RSA sign: a SHA-256 hash."""
    if pure:
        raise invalid("its kind of signature cannot be over the whole of it")
    if hash_type != TlvType.SHA256:
        raise FirmwareError(
            FirmwareProblem.HASH_TYPE, found=TlvType(hash_type).name.lower()
        )


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Return whether a signature over a digest, or over the whole image, holds.

    To Ed25519 the digest is a message like any other (bootutil/src/image_ed25519.c).
    """
    sha256 = Prehashed(hashes.SHA256())
    try:
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, message)
            case rsa.RSAPublicKey():
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
                key.verify(signature, message, pss, sha256)
            case _:
                key.verify(_without_filling(signature), message, ec.ECDSA(sha256))
    except InvalidSignature:
        return False
    return True


def _without_filling(signature: bytes) -> bytes:
    """Return the DER of an ECDSA signature without the zeros that fill it up."""
    if len(signature) != _FILLED_ECDSA_SIZE:
        return signature
    size = 2 + signature[1]
    return signature if signature[size:].strip(b"\0") else signature[:size]


def ecdsa_numbers(signature: bytes) -> tuple[int, int]:
    """Return r and s of a DER signature; raise ``FirmwareError`` SIGNATURE_INVALID."""
    try:
        return decode_dss_signature(_without_filling(signature))
    except ValueError:
        raise FirmwareError(FirmwareProblem.SIGNATURE_INVALID) from None


def encode_key(key: PublicKey) -> bytes:
    """Return a key as MCUboot keeps it: what the hash of a key is made of.

    An RSA key is a PKCS #1 RSAPublicKey, every other a SubjectPublicKeyInfo, in DER.
    """
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    if isinstance(key, rsa.RSAPublicKey):
        kind = serialization.PublicFormat.PKCS1
    return key.public_bytes(serialization.Encoding.DER, kind)
