"""What a transport accepts: the very bytes that were verified."""

from dataclasses import replace
import hashlib
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import FirmwareError, FirmwareProblem
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.model import PayloadFormat


def sealed(**fields: Any) -> VerifiedArtifact:
    """Return an artifact with a part of each kind."""
    return VerifiedArtifact.seal(
        **{
            "init_packet": b"init",
            "firmware": b"firmware",
            "key_fingerprint": "key",
            "format": PayloadFormat.MCUBOOT,
            "image_hash": b"hash",
            **fields,
        }
    )


def test_the_digest_is_that_of_all_parts_and_where_they_end() -> None:
    """Each with its length in front of it; of this, other tools can compute it again."""
    expected = hashlib.sha256(
        b"\x04\0\0\0init\x04\0\0\0hash\x08\0\0\0firmware"
    ).hexdigest()
    artifact = sealed()
    assert artifact == VerifiedArtifact(
        init_packet=b"init",
        firmware=b"firmware",
        digest=expected,
        key_fingerprint="key",
        format=PayloadFormat.MCUBOOT,
        image_hash=b"hash",
    )
    artifact.check()


def test_what_a_format_has_not_is_empty() -> None:
    """Then it is a package of Nordic's."""
    artifact = VerifiedArtifact.seal(firmware=b"firmware", key_fingerprint="key")
    assert artifact.init_packet == artifact.image_hash == b""
    assert artifact.format is PayloadFormat.NORDIC_DFU
    artifact.check()


@pytest.mark.parametrize(
    "change",
    [
        {"init_packet": b"inix"},
        {"firmware": b"firmwarf"},
        {"image_hash": b"hasi"},
        {"digest": "0" * 64},
        # The same bytes in the same order, but another part has them.
        {"init_packet": b"inithash", "image_hash": b""},
        {"image_hash": b"hashfirm", "firmware": b"ware"},
    ],
)
def test_what_was_changed_after_it_was_verified_is_refused(
    change: dict[str, Any],
) -> None:
    """At the door of the transport."""
    with pytest.raises(FirmwareError) as refused:
        replace(sealed(), **change).check()
    assert refused.value.reason is FirmwareProblem.CHANGED_AFTER_VERIFYING


def test_parts_may_be_longer_than_two_bytes_can_count() -> None:
    """Firmware is."""
    sealed(firmware=bytes(70_000)).check()
