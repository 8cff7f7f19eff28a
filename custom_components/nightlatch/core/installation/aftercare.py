"""After an installation: does the lock keep it, and is the battery used up faster.

New firmware that never sleeps empties a lock within weeks, and nobody thinks of the
update by then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..errors import DelegateError, DelegateProblem
from ..model import BatteryReading, Origin, OutcomeKind, Purpose
from ..moments import is_over, shifted
from ..records.lock_record import LockRecord
from ..records.outcome_record import OutcomeRecord
from ..versions import is_told_as

WATCHED = timedelta(days=7)
"""For so long after an installation the battery is watched."""
# Readings closer together tell more of the temperature than of the use.
_LEAST_SPAN = timedelta(days=2)
# What an installation itself and one cold night take.
_TOLERANCE = 3.0
# A healthy lock loses about a tenth of a percent a day.
_FASTER = 3.0


def drains(record: LockRecord) -> bool:
    """Return whether the battery falls much faster since the last installation."""
    outcome = record.outcome
    if outcome is None or outcome.kind is not OutcomeKind.SUCCEEDED:
        return False
    before = [
        reading
        for reading in record.batteries
        if reading.at is not None and reading.at <= outcome.started
    ]
    after = [
        reading
        for reading in record.batteries
        if reading.at is not None
        and outcome.ended <= reading.at <= shifted(outcome.ended, WATCHED)
    ]
    if (now := _per_day(after)) is None:
        return False
    return now * WATCHED.days > _TOLERANCE + _FASTER * (
        (_per_day(before) or 0.0) * WATCHED.days
    )


def fell_back(
    outcome: OutcomeRecord, before: str, running: str, now: datetime
) -> DelegateError | None:
    """Return that a lock has undone an installation of ours by itself, if it has.

    It was proven, and the lock runs what it ran before: some start their old firmware
    again hours later, and some are asked only then. ``before`` is what it told last.
    """
    if (
        outcome.kind is not OutcomeKind.SUCCEEDED
        or outcome.origin is Origin.EXTERNAL
        or outcome.purpose is not Purpose.UPDATE
        or not is_told_as(outcome.to_version, before)
        or not is_told_as(outcome.from_version, running)
        or is_over(outcome.ended, WATCHED, now)
    ):
        return None
    return DelegateError(
        DelegateProblem.FELL_BACK, running=running, wanted=outcome.to_version
    )


def _per_day(readings: Sequence[BatteryReading]) -> float | None:
    """Return by how many percent a day the level has fallen; None if nobody can say."""
    if len(readings) < 2:
        return None
    first, last = readings[0], readings[-1]
    if first.level is None or last.level is None:
        return None
    span = _time(last) - _time(first)
    if span < _LEAST_SPAN:
        return None
    return max(first.level - last.level, 0) / (span / timedelta(days=1))


def _time(reading: BatteryReading) -> datetime:
    assert reading.at is not None
    return reading.at
