"""The public keys that may have made an ECDSA P-256 signature.

A signature and what was signed leave two public keys that it holds under, seldom more
(SEC 1 version 2.0, section 4.1.6). ``cryptography`` verifies under a key but finds none,
so the arithmetic of the curve stands here: it handles public values only, no secret, so
that it need not take the same time for all of them. Nor is it relied upon: what is
returned has been verified with ``cryptography``.

Curve: FIPS 186-5 and NIST SP 800-186, section 3.2.1.3 (P-256).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    encode_dss_signature,
)

# y² = x³ - 3x + b over the integers modulo p; n is the order of the base point.
_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


class _Point(NamedTuple):
    """A point in Jacobian coordinates: (X/Z², Y/Z³); Z is 0 at infinity."""

    x: int
    y: int
    z: int


_BASE: Final = _Point(
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
_INFINITY: Final = _Point(1, 1, 0)


def recover_keys(
    r: int, s: int, digest: bytes
) -> tuple[ec.EllipticCurvePublicKey, ...]:
    """Return every public key under which a signature over a digest holds.

    ``digest`` is SHA-256, 32 bytes. Two keys for nearly every signature that is one at
    all; four where r is less than 2¹²⁷ or so, as no signer's ever is, and both points
    are on the curve; none for what can be no signature. Takes some milliseconds.
    """
    if not (0 < r < _N and 0 < s < _N):
        return ()
    inverse = pow(r, -1, _N)
    offset = _multiply(-int.from_bytes(digest, "big") * inverse % _N, _BASE)
    signature = encode_dss_signature(r, s)
    keys = []
    for point in _points_for(r):
        half = _multiply(s * inverse % _N, point)
        for signed in (half, _negate(half)):
            key = _as_key(_add(signed, offset))
            if key is not None and _holds(key, signature, digest):
                keys.append(key)
    return tuple(keys)


def _points_for(r: int) -> Iterator[_Point]:
    """Yield a point for each x that r may stand for; the other one is its negative."""
    for x in range(r, _P, _N):
        square = (x * x * x - 3 * x + _B) % _P
        # p is 3 modulo 4.
        y = pow(square, (_P + 1) // 4, _P)
        if y * y % _P == square:
            yield _Point(x, y, 1)


def _negate(point: _Point) -> _Point:
    return point._replace(y=-point.y % _P)


def _double(point: _Point) -> _Point:
    x, y, z = point
    squared = y * y
    four = 4 * x * squared
    zz = z * z
    slope = 3 * (x - zz) * (x + zz)
    new_x = (slope * slope - 2 * four) % _P
    return _Point(
        new_x,
        (slope * (four - new_x) - 8 * squared * squared) % _P,
        2 * y * z % _P,
    )


def _add(one: _Point, other: _Point) -> _Point:
    if not one.z:
        return other
    if not other.z:
        return one
    one_zz, other_zz = one.z * one.z % _P, other.z * other.z % _P
    one_x, other_x = one.x * other_zz % _P, other.x * one_zz % _P
    one_y = one.y * other_zz * other.z % _P
    other_y = other.y * one_zz * one.z % _P
    if one_x == other_x:
        return _double(one) if one_y == other_y else _INFINITY
    across, up = other_x - one_x, other_y - one_y
    square = across * across % _P
    cube = square * across % _P
    middle = one_x * square
    new_x = (up * up - cube - 2 * middle) % _P
    return _Point(
        new_x,
        (up * (middle - new_x) - one_y * cube) % _P,
        one.z * other.z * across % _P,
    )


def _multiply(factor: int, point: _Point) -> _Point:
    result = _INFINITY
    for bit in f"{factor:b}":
        result = _double(result)
        if bit == "1":
            result = _add(result, point)
    return result


def _as_key(point: _Point) -> ec.EllipticCurvePublicKey | None:
    """Return a point as a key; infinity is none."""
    if not point.z:
        return None
    inverse = pow(point.z, -1, _P)
    square = inverse * inverse % _P
    return ec.EllipticCurvePublicNumbers(
        x=point.x * square % _P,
        y=point.y * square * inverse % _P,
        curve=ec.SECP256R1(),
    ).public_key()


def _holds(key: ec.EllipticCurvePublicKey, signature: bytes, digest: bytes) -> bool:
    try:
        key.verify(signature, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True
