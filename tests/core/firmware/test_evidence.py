"""What an image proves of itself: at the most that its lock can check it."""

import hashlib
import zlib

import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.evidence import evidence_of
from custom_components.nightlatch.core.model import Evidence

from .test_zigbee import PLAIN, SIGNATURE, gbl

SIGNED, UNSIGNED = gbl(*PLAIN, *SIGNATURE), gbl(*PLAIN)


@pytest.mark.parametrize(
    ("data", "evidence"),
    [
        (SIGNED, Evidence.SIGNATURE_PRESENT),
        (UNSIGNED, Evidence.INTEGRITY_ONLY),
        (b"a format of the maker's own", Evidence.INTEGRITY_ONLY),
    ],
)
def test_what_it_carries(data: bytes, evidence: Evidence) -> None:
    """Whether a signature is in it is all that can be seen."""
    assert evidence_of(data, f"sha256:{hashlib.sha256(data).hexdigest()}") is evidence


@pytest.mark.parametrize("name", ["sha512", "sha3-256", "sha384"])
def test_every_digest_of_the_indexes_is_known(name: str) -> None:
    """By their names there."""
    digest = hashlib.new(name.replace("-", "_"), UNSIGNED).hexdigest()
    assert evidence_of(UNSIGNED, f"{name}:{digest}") is Evidence.INTEGRITY_ONLY


def test_a_shortened_digest_is_held_against_its_part() -> None:
    """As Matter allows."""
    digest = hashlib.sha256(UNSIGNED).hexdigest()[:32]
    assert evidence_of(UNSIGNED, f"sha256-128:{digest}") is Evidence.INTEGRITY_ONLY


@pytest.mark.parametrize(
    ("digest", "reason"),
    [
        (f"sha256:{'0' * 64}", FirmwareProblem.HASH_MISMATCH),
        (f"crc32:{zlib.crc32(UNSIGNED):08x}", FirmwareProblem.HASH_TYPE),
        ("sha256:", FirmwareProblem.HASH_TYPE),
    ],
)
def test_another_image_proves_nothing(digest: str, reason: FirmwareProblem) -> None:
    """Nor does a digest that nobody knows."""
    with pytest.raises(FirmwareError) as caught:
        evidence_of(UNSIGNED, digest)
    assert caught.value.reason is reason
