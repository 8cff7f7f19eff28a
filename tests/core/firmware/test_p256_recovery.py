"""A signature names its signer, but for one bit that nobody knows."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import example, given, strategies as st
import pytest

from custom_components.nightlatch.core.firmware.p256_recovery import recover_keys

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
DIGEST = hashlib.sha256(b"firmware").digest()

secrets = st.integers(1, ORDER - 1)
keys = secrets.map(lambda secret: ec.derive_private_key(secret, ec.SECP256R1()))


def signature_of(
    key: ec.EllipticCurvePrivateKey, digest: bytes, *, deterministic: bool = True
) -> tuple[int, int]:
    """Return r and s."""
    algorithm = ec.ECDSA(
        Prehashed(hashes.SHA256()), deterministic_signing=deterministic
    )
    return decode_dss_signature(key.sign(digest, algorithm))


def holds(key: ec.EllipticCurvePublicKey, r: int, s: int, digest: bytes) -> bool:
    """Return whether a signature holds, as another library sees it."""
    try:
        key.verify(
            encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256()))
        )
    except InvalidSignature:
        return False
    return True


def points_with(x: int) -> int:
    """Return how many points of the curve have an x; 0 or 2."""
    if x >= PRIME:
        return 0
    square = (pow(x, 3, PRIME) - 3 * x + B) % PRIME
    return 2 if pow(square, (PRIME - 1) // 2, PRIME) == 1 else 0


@given(keys, st.binary(max_size=200), st.booleans())
def test_the_signer_is_one_of_two(
    key: ec.EllipticCurvePrivateKey, message: bytes, deterministic: bool
) -> None:
    """Whatever key, whatever was signed, however the nonce came about."""
    digest = hashlib.sha256(message).digest()
    r, s = signature_of(key, digest, deterministic=deterministic)
    candidates = recover_keys(r, s, digest)
    assert key.public_key() in candidates
    assert len(set(map(_numbers, candidates))) == len(candidates) == 2
    assert all(holds(each, r, s, digest) for each in candidates)


@given(keys, st.sampled_from([bytes(32), b"\xff" * 32, b"\x00" * 31 + b"\x01"]))
def test_odd_digests_are_digests(
    key: ec.EllipticCurvePrivateKey, digest: bytes
) -> None:
    """Zero, and more than the order of the curve.

    Of zero the two keys are each other's negatives.
    """
    r, s = signature_of(key, digest)
    assert key.public_key() in recover_keys(r, s, digest)


@given(keys)
def test_a_mirrored_signature_has_the_same_signers(
    key: ec.EllipticCurvePrivateKey,
) -> None:
    """Anybody can turn s round; what comes out is no other evidence."""
    r, s = signature_of(key, DIGEST)
    mirrored = recover_keys(r, ORDER - s, DIGEST)
    assert set(map(_numbers, mirrored)) == set(
        map(_numbers, recover_keys(r, s, DIGEST))
    )


@given(keys, st.binary(min_size=32, max_size=32))
def test_of_another_digest_the_signer_is_none(
    key: ec.EllipticCurvePrivateKey, digest: bytes
) -> None:
    """The signature holds for what was signed, and for nothing else."""
    r, s = signature_of(key, DIGEST)
    assert (key.public_key() in recover_keys(r, s, digest)) is (digest == DIGEST)


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
@example(1, 1)
@example(ORDER - 1, ORDER - 1)
def test_what_nobody_has_signed_names_keys_that_nobody_has(r: int, s: int) -> None:
    """As many as there are points; each verifies, which therefore proves nothing."""
    found = recover_keys(r, s, DIGEST)
    assert len(found) == points_with(r) + points_with(r + ORDER)
    assert all(holds(each, r, s, DIGEST) for each in found)


def test_a_small_r_may_stand_for_two_points() -> None:
    """No signer will ever meet one, but a file may hold one."""
    counts = {len(recover_keys(r, 7, DIGEST)) for r in range(1, 40)}
    assert counts == {0, 2, 4}


def test_the_largest_r_with_a_second_point() -> None:
    """One more and the sum is no number of the field."""
    last = PRIME - ORDER - 1
    for r in range(last - 20, last + 20):
        expected = points_with(r) + points_with(r + ORDER)
        assert len(recover_keys(r, 7, DIGEST)) == expected


def test_infinity_is_no_key() -> None:
    """Where sR is eG, one of the two is no key at all; and the other is 2eG negated."""
    nonce = 0x1234567
    point = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers()
    r = point.x % ORDER
    digest = hashlib.sha256(b"chosen").digest()
    s = int.from_bytes(digest, "big") * pow(nonce, -1, ORDER) % ORDER
    assert len(recover_keys(r, s, digest)) == 1


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (-1, 1), (1, -1), (1 << 300, 1)],
)
def test_numbers_that_are_no_signature(r: int, s: int) -> None:
    """They are outside of what a signature may be made of."""
    assert recover_keys(r, s, DIGEST) == ()


def _numbers(key: ec.EllipticCurvePublicKey) -> tuple[int, int]:
    numbers = key.public_numbers()
    return numbers.x, numbers.y
