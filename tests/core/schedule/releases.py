"""Releases and outcomes as tests need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from custom_components.nightlatch.core.model import (
    Artifact,
    Origin,
    OutcomeKind,
    Payload,
    PayloadFormat,
    Release,
)
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.versions import Version, VersionScheme

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHA256 = "a" * 64


def release(**fields: Any) -> Release:
    """Return a release."""
    return Release(
        **{
            "vendor": "Kestrel Locks",
            "model": "KL-1",
            "hardware_revisions": ("B",),
            "version": Version.parse(VersionScheme.DOTTED, "1.1.0"),
            "security_version": 1,
            "artifact": Artifact(path="1.1.0.zip", length=1, sha256=SHA256),
            "payload": Payload(
                format=PayloadFormat.NORDIC_DFU, hardware_version=52, firmware_version=2
            ),
            **fields,
        }
    )


def outcome(days_ago: float = 0.0, **fields: Any) -> OutcomeRecord:
    """Return how an installation ended."""
    ended = NOW - timedelta(days=days_ago)
    return OutcomeRecord(
        **{
            "attempt": str(days_ago),
            "kind": OutcomeKind.FAILED,
            "origin": Origin.SCHEDULE,
            "started": ended,
            "ended": ended,
            "seconds": 60.0,
            "from_version": "1.0.0",
            "to_version": "1.1.0",
            "sha256": SHA256,
            "environment": "here",
            **fields,
        }
    )
