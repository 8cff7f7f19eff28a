"""Entries that the disk refuses: kept, and written in their order."""

from datetime import UTC, datetime, timedelta
import os
from pathlib import Path

import pytest

from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_owed import (
    LEFT_OUT,
    MOST,
    OwedEntries,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def owed_events(count: int) -> OwedEntries:
    """Return so many that are owed, a minute apart."""
    owed = OwedEntries()
    for number in range(count):
        owed.add(NOON + timedelta(minutes=number), f"event_{number}", {"n": number})
    return owed


def test_they_are_written_in_order_with_the_moments_at_which_they_happened(
    tmp_path: Path,
) -> None:
    """Not with the one at which the disk took them."""
    log = AuditLog(tmp_path / "log", lambda: NOON + timedelta(days=1))
    owed = owed_events(3)
    owed.write_to(log)
    assert len(owed) == 0
    assert [(each.event, each.at) for each in log.entries()] == [
        (f"event_{number}", NOON + timedelta(minutes=number)) for number in range(3)
    ]
    assert log.verify().intact


def test_what_the_disk_takes_no_more_is_owed_on_and_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that becomes full in the middle."""
    log, owed = AuditLog(tmp_path / "log"), owed_events(4)
    sync, left = os.fsync, [3]

    def refuse(descriptor: int) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            owed.write_to(log)
    assert 0 < len(owed) < 4
    owed.add(NOON + timedelta(hours=1), "the_next", {})
    owed.write_to(log)
    assert [each.event for each in log.entries()] == [
        "event_0",
        "event_1",
        "event_2",
        "event_3",
        "the_next",
    ]
    assert log.verify().intact


def test_what_is_too_much_for_memory_is_counted_in_the_log(tmp_path: Path) -> None:
    """The oldest are kept; how many are missing stands behind them."""
    log, owed = AuditLog(tmp_path / "log"), owed_events(MOST + 2)
    assert len(owed) == MOST + 2
    owed.write_to(log)
    last = log.entries(2)
    assert [each.event for each in last] == [f"event_{MOST - 1}", LEFT_OUT]
    assert last[-1].details == {"entries": 2}
    assert len(owed) == 0
