"""Vendors' keys for signing firmware."""

from enum import StrEnum
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey, PayloadFormat
from ..phrase import Phrase

type PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

# The one that MCUboot's signing tool gives to RSA keys; small ones have a history.
_RSA_EXPONENT = 65537


class KeyKind(StrEnum):
    """The kinds of key that boot loaders of locks check signatures with."""

    ECDSA_P256 = "ecdsa-p256"
    ED25519 = "ed25519"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"


USABLE_FOR = {
    PayloadFormat.NORDIC_DFU: frozenset({KeyKind.ECDSA_P256}),
    PayloadFormat.MCUBOOT: frozenset(KeyKind),
}
"""The kinds of key that can have signed an artifact of a format."""

_RSA_KINDS = {2048: KeyKind.RSA_2048, 3072: KeyKind.RSA_3072}


def load_firmware_key(pem: str) -> FirmwareKey:
    """Return the key of a PEM SubjectPublicKeyInfo, in its one normal encoding.

    Raises ``FirmwareError`` KEY_INVALID for anything but a public key of a kind in
    ``KeyKind``.
    """
    key = _load(pem)
    return FirmwareKey(
        fingerprint=_fingerprint(key),
        pem=key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode("ascii"),
    )


def load_public_key(key: FirmwareKey) -> PublicKey:
    """Return a key to verify with.

    Raises ``FirmwareError`` KEY_INVALID where the key is not the one whose fingerprint
    it bears: the fingerprint is what the owner has seen.
    """
    loaded = _load(key.pem)
    if _fingerprint(loaded) != key.fingerprint:
        raise _invalid("its fingerprint is another one")
    return loaded


def kind_of(key: FirmwareKey) -> KeyKind:
    """Return what kind of key this is; raise like ``load_public_key``."""
    return _kind(load_public_key(key))


def _load(pem: str) -> PublicKey:
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except ValueError, UnsupportedAlgorithm:
        raise _invalid("it is no public key in PEM form") from None
    if not isinstance(
        key, (ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, rsa.RSAPublicKey)
    ):
        raise _invalid("it is none of ECDSA, Ed25519 and RSA")
    _kind(key)
    return key


def _kind(key: PublicKey) -> KeyKind:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return KeyKind.ED25519
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in _RSA_KINDS:
            raise _invalid("it is an RSA key of neither 2048 nor 3072 bits")
        if key.public_numbers().e != _RSA_EXPONENT:
            raise _invalid(
                "it is an RSA key with another exponent than {exponent}",
                exponent=_RSA_EXPONENT,
            )
        return _RSA_KINDS[key.key_size]
    if not isinstance(key.curve, ec.SECP256R1):
        raise _invalid("its curve is not P-256")
    return KeyKind.ECDSA_P256


def _fingerprint(key: PublicKey) -> str:
    return hashlib.sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def _invalid(template: str, **values: object) -> FirmwareError:
    detail = Phrase(template, **values)
    return FirmwareError(FirmwareProblem.KEY_INVALID, detail=detail)
