"""Vendors' keys for signing firmware."""

import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ..errors import FirmwareError, FirmwareProblem
from ..model import FirmwareKey


def load_firmware_key(pem: str) -> FirmwareKey:
    """Return the key of a PEM SubjectPublicKeyInfo, in its one normal encoding.

    Raises ``FirmwareError`` KEY_INVALID for anything but an ECDSA P-256 public key.
    """
    key = _load(pem)
    return FirmwareKey(
        fingerprint=_fingerprint(key),
        pem=key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode("ascii"),
    )


def load_public_key(key: FirmwareKey) -> ec.EllipticCurvePublicKey:
    """Return a key to verify with.

    Raises ``FirmwareError`` KEY_INVALID where the key is not the one whose fingerprint
    it bears: the fingerprint is what the owner has seen.
    """
    loaded = _load(key.pem)
    if _fingerprint(loaded) != key.fingerprint:
        raise _invalid("its fingerprint is another one")
    return loaded


def _load(pem: str) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_pem_public_key(pem.encode("ascii"))
    except ValueError, UnsupportedAlgorithm:
        raise _invalid("it is no public key in PEM form") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise _invalid("it is no elliptic curve key")
    if not isinstance(key.curve, ec.SECP256R1):
        raise _invalid("its curve is not P-256")
    return key


def _fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    return hashlib.sha256(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    ).hexdigest()


def _invalid(detail: str) -> FirmwareError:
    return FirmwareError(FirmwareProblem.KEY_INVALID, detail=detail)
