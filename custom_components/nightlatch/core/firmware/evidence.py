"""What an image that somebody else installs can prove of itself."""

import hashlib

from ..errors import FirmwareError, FirmwareProblem
from ..model import Evidence
from .zigbee import SignatureKind, inspect_image

_SIGNED = {SignatureKind.ECDSA_P256_GBL, SignatureKind.ZIGBEE_ECDSA}
# Algorithms of ``hashlib``, by the names that indexes use.
_ALGORITHMS = {
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
    "sha3-224": "sha3_224",
    "sha3-256": "sha3_256",
    "sha3-384": "sha3_384",
    "sha3-512": "sha3_512",
}


def evidence_of(data: bytes, digest: str) -> Evidence:
    """Return what an image carries that its lock can check.

    ``digest`` is an algorithm and hexadecimal digits, with a colon between; shortened
    ones name their bits, as ``sha256-128``. Raises ``FirmwareError`` with HASH_MISMATCH
    where the image is another one, or HASH_TYPE where the algorithm is not known.
    """
    _check(data, digest)
    try:
        inspection = inspect_image(data)
    except FirmwareError:
        # A format of the maker's own: it may well be signed, which nobody can see.
        return Evidence.INTEGRITY_ONLY
    if inspection.signature in _SIGNED:
        return Evidence.SIGNATURE_PRESENT
    return Evidence.INTEGRITY_ONLY


def _check(data: bytes, digest: str) -> None:
    name, _, wanted = digest.partition(":")
    algorithm = _ALGORITHMS.get(name) or _ALGORITHMS.get(name.rpartition("-")[0])
    if algorithm is None or not wanted:
        raise FirmwareError(FirmwareProblem.HASH_TYPE, found=name)
    computed = hashlib.new(algorithm, data).hexdigest()
    if computed[: len(wanted)] != wanted.lower():
        raise FirmwareError(FirmwareProblem.HASH_MISMATCH)
