"""A firmware key is a public key of a kind that locks know, known by its fingerprint."""

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.keys import (
    USABLE_FOR,
    KeyKind,
    kind_of,
    load_firmware_key,
    load_public_key,
)
from custom_components.nightlatch.core.model import FirmwareKey, PayloadFormat
from tests.rig.dfu_package import public_pem

from .vendor import KEY, PRIVATE_KEYS

UNCOMPRESSED = KEY.public_key().public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
)
COMPRESSED = KEY.public_key().public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
)

ED448_PEM = (
    ed448.Ed448PrivateKey.generate()
    .public_key()
    .public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    .decode()
)


def pem_of(point: bytes, *, curve: str = "07") -> str:
    """Return a P-256 key in PEM form with its point encoded like this (RFC 5480)."""
    algorithm = bytes.fromhex(f"3013 0607 2a8648ce3d0201 0608 2a8648ce3d0301{curve}")
    bits = b"\x03" + bytes([len(point) + 1]) + b"\x00" + point
    der = b"\x30" + bytes([len(algorithm) + len(bits)]) + algorithm + bits
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n"


def private_pem() -> str:
    """Return the private half, which has no business in a feed."""
    return KEY.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def test_the_fingerprint_is_that_of_the_der_form() -> None:
    """As `openssl pkey -pubin -outform DER | sha256sum` prints it."""
    der = KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = load_firmware_key(public_pem(KEY))
    assert key.fingerprint == hashlib.sha256(der).hexdigest()
    assert key.pem == public_pem(KEY)


@pytest.mark.parametrize(
    "pem",
    [
        pem_of(UNCOMPRESSED),
        pem_of(COMPRESSED),
        public_pem(KEY).replace("\n", "\r\n"),
        f"\n{public_pem(KEY)}\nPrinted at the vendor's desk.\n",
    ],
    ids=["uncompressed", "compressed", "crlf", "with-text"],
)
def test_one_key_has_one_fingerprint(pem: str) -> None:
    """However it is written down."""
    assert load_firmware_key(pem) == load_firmware_key(public_pem(KEY))


@pytest.mark.parametrize(
    ("pem", "detail"),
    [
        ("", "it is no public key in PEM form"),
        ("a key", "it is no public key in PEM form"),
        ("ключ", "it is no public key in PEM form"),
        (private_pem(), "it is no public key in PEM form"),
        (public_pem(KEY)[:60], "it is no public key in PEM form"),
        (pem_of(b"\x04" + bytes(64)), "it is no public key in PEM form"),
        (pem_of(UNCOMPRESSED, curve="63"), "it is no public key in PEM form"),
        (pem_of(b"\x00"), "it is no public key in PEM form"),
        (
            public_pem(ec.generate_private_key(ec.SECP384R1())),
            "its curve is not P-256",
        ),
        (
            public_pem(ec.generate_private_key(ec.SECP256K1())),
            "its curve is not P-256",
        ),
        (
            ED448_PEM,
            "it is none of ECDSA, Ed25519 and RSA",
        ),
        (
            public_pem(rsa.generate_private_key(65537, 1024)),
            "it is an RSA key of neither 2048 nor 3072 bits",
        ),
        (
            public_pem(rsa.generate_private_key(3, 2048)),
            "it is an RSA key with another exponent than 65537",
        ),
    ],
    ids=[
        "empty",
        "text",
        "other-script",
        "private",
        "cut",
        "point-off-the-curve",
        "unknown-curve",
        "point-at-infinity",
        "p-384",
        "secp256k1",
        "ed448",
        "rsa-1024",
        "rsa-exponent-3",
    ],
)
def test_any_other_key_is_refused(pem: str, detail: str) -> None:
    """No bootloader could check its signatures."""
    with pytest.raises(FirmwareError) as refused:
        load_firmware_key(pem)
    assert refused.value.reason is FirmwareProblem.KEY_INVALID
    assert refused.value.details == {"detail": detail}


@given(st.text(max_size=300) | st.binary(max_size=100).map(pem_of))
def test_arbitrary_text_is_no_key(text: str) -> None:
    """And raises nothing but a refusal."""
    with pytest.raises(FirmwareError):
        load_firmware_key(text)


def test_a_loaded_key_can_be_verified_with() -> None:
    """It is the key that went in."""
    loaded = load_public_key(load_firmware_key(public_pem(KEY)))
    assert loaded == KEY.public_key()


@pytest.mark.parametrize("kind", KeyKind)
def test_every_kind_of_key_is_known(kind: KeyKind) -> None:
    """By what it is, and by the fingerprint of its DER form."""
    private = PRIVATE_KEYS[kind]
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = load_firmware_key(public_pem(private))
    assert kind_of(key) is kind
    assert key.fingerprint == hashlib.sha256(der).hexdigest()
    assert load_public_key(key) == private.public_key()
    assert load_firmware_key(key.pem) == key


def test_what_the_kinds_are_good_for() -> None:
    """Nordic's bootloaders know one of them only."""
    assert USABLE_FOR.keys() == set(PayloadFormat)
    assert USABLE_FOR[PayloadFormat.NORDIC_DFU] == {KeyKind.ECDSA_P256}
    assert USABLE_FOR[PayloadFormat.MCUBOOT] == set(KeyKind)


def test_a_key_must_have_the_fingerprint_it_bears() -> None:
    """The owner agreed to the fingerprint, not to the key behind it."""
    with pytest.raises(FirmwareError) as refused:
        load_public_key(FirmwareKey(fingerprint="00" * 32, pem=public_pem(KEY)))
    assert refused.value.reason is FirmwareProblem.KEY_INVALID
    assert refused.value.details == {"detail": "its fingerprint is another one"}
