"""New firmware that empties the battery is noticed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.nightlatch.core.installation.aftercare import drains
from custom_components.nightlatch.core.model import (
    BatteryReading,
    LockIdentity,
    Origin,
    OutcomeKind,
)
from custom_components.nightlatch.core.records.lock_record import LockRecord
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord

ENDED = datetime(2026, 11, 10, 3, tzinfo=UTC)
DAY = timedelta(days=1)


def record(
    before: dict[int, int | None], after: dict[int, int | None], **fields: Any
) -> LockRecord:
    """Return a lock with an installation, and its battery by days before and after."""
    return LockRecord(
        identity=LockIdentity(
            model="KL-1", hardware_revision="B", firmware_version="1.1.0"
        ),
        read_at=ENDED,
        running_since=ENDED,
        history=(
            OutcomeRecord(
                **{
                    "attempt": "1",
                    "kind": OutcomeKind.SUCCEEDED,
                    "origin": Origin.PERSON,
                    "started": ENDED,
                    "ended": ENDED,
                    "seconds": 60.0,
                    "from_version": "1.0.0",
                    "to_version": "1.1.0",
                    **fields,
                }
            ),
        ),
        batteries=tuple(
            [
                BatteryReading(level=level, at=ENDED - days * DAY)
                for days, level in before.items()
            ]
            + [
                BatteryReading(level=level, at=ENDED + days * DAY)
                for days, level in after.items()
            ]
        ),
    )


USUAL: dict[int, int | None] = {10: 91, 1: 90}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # It went from a percent in nine days to five in two.
        (USUAL, {0: 90, 2: 85}, True),
        # Hardly faster than before, and the cold of one night.
        (USUAL, {0: 90, 4: 89}, False),
        # A lock that was always hungry.
        ({10: 95, 1: 77}, {0: 77, 2: 73}, False),
        # Nothing is known of before.
        ({}, {0: 90, 3: 80}, True),
        # One night tells nothing, nor does one reading, nor an unknown one.
        (USUAL, {0: 90, 1: 60}, False),
        (USUAL, {0: 90}, False),
        (USUAL, {0: None, 3: 50}, False),
        # A new battery.
        (USUAL, {0: 20, 3: 100}, False),
        # After the week nobody looks any more.
        (USUAL, {0: 90, 8: 10}, False),
    ],
)
def test_a_battery_that_falls_faster_than_before(
    before: dict[int, int | None], after: dict[int, int | None], expected: bool
) -> None:
    """Much faster: three times, and more than a cold night."""
    assert drains(record(before, after)) is expected


def test_nothing_drains_that_was_not_installed() -> None:
    """The firmware is the same as before."""
    failed = record(USUAL, {0: 90, 2: 60}, kind=OutcomeKind.FAILED)
    assert not drains(failed)
    assert not drains(
        LockRecord(identity=failed.identity, read_at=ENDED, running_since=ENDED)
    )
