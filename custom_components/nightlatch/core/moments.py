"""Moments: computing with them as if time had no end, and which of them can be true.

Storage, people and other integrations may name any moment, also one at which Python's
calendar ends, and a computer that starts with a wrong clock writes down moments that
have not come yet. Nothing here raises for any moment.
"""

from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1000, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""No moment that is computed with lies beyond these; next to them is room for more."""

TOLERANCE = timedelta(minutes=2)
"""By how much a clock may be put back without anybody having to think of it."""
FURTHEST = timedelta(days=731)
"""How far ahead a person may decide: two years, whatever the leap years."""
# Before this was written, nothing of it can have happened: a clock that shows such a
# time has not been set yet.
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def bounded(moment: datetime) -> datetime:
    """Return an aware moment in UTC, at the most as far away as the bounds."""
    if moment.year > LATEST.year:
        return LATEST
    if moment.year < EARLIEST.year:
        return EARLIEST
    return min(max(moment.astimezone(UTC), EARLIEST), LATEST)


def shifted(moment: datetime, by: timedelta) -> datetime:
    """Return what lies some time after a moment, or before it; within the bounds."""
    try:
        return bounded(bounded(moment) + by)
    except OverflowError:
        return LATEST if by > timedelta() else EARLIEST


def is_ahead(moment: datetime, now: datetime) -> bool:
    """Return whether something cannot have happened at a moment: it has not come yet."""
    return bounded(moment) > shifted(now, TOLERANCE)


def can_have_been(moment: datetime, now: datetime) -> bool:
    """Return whether something can have happened at a moment, by what the clock says."""
    return bounded(moment) >= _WRITTEN and not is_ahead(moment, now)


def is_set(clock: datetime) -> bool:
    """Return whether a clock can be right."""
    return bounded(clock) >= _WRITTEN


def age(moment: datetime, now: datetime) -> timedelta | None:
    """Return how long ago something was; None where nobody knows."""
    if is_ahead(moment, now):
        return None
    return max(bounded(now) - bounded(moment), timedelta())


def is_over(began: datetime, pause: timedelta, now: datetime) -> bool:
    """Return whether a pause is over; one that has not begun yet never was."""
    passed = age(began, now)
    return passed is None or passed >= pause


def is_too_far(moment: datetime, now: datetime) -> bool:
    """Return whether a moment lies further ahead than anybody may decide."""
    return bounded(moment) > shifted(now, FURTHEST + TOLERANCE)


def is_past(moment: datetime, now: datetime) -> bool:
    """Return whether it is too late to decide that something begins at a moment."""
    return bounded(moment) < shifted(now, -TOLERANCE)


class ClockWatch:
    """Notices that the clock was put ahead, by what else has gone on meanwhile."""

    def __init__(self, now: datetime, seconds: float) -> None:
        """Begin with a moment, and what a clock shows that nobody sets."""
        self._before = now, seconds

    def was_put_ahead(self, now: datetime, seconds: float) -> bool:
        """Return whether it was since the last look, by more than counts as nothing."""
        before, since = self._before
        self._before = now, seconds
        return is_ahead(now, shifted(before, timedelta(seconds=seconds - since)))
