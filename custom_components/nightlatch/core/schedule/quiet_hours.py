"""Quiet hours: when an automatic installation may run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from ..moments import EARLIEST, LATEST, bounded
from ..records.stored import as_whole

EVERY_DAY = frozenset(range(7))
_DAY = timedelta(days=1)
_INSTANT = datetime.resolution
# No day is asked for beyond these: the moments around it must still be moments.
_FIRST_DAY = EARLIEST.date() - timedelta(days=366)
_LAST_DAY = LATEST.date() + timedelta(days=366)
# A week, and a day for a window that has begun yesterday: what does not fit until then
# never fits, but for the nights of a clock change.
_LOOK_AHEAD = timedelta(days=9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One stretch of quiet hours; aware, UTC. The end is not part of it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """A window of the week, in the household's own time.

    ``start`` and ``end`` are wall clock times; a window that ends before it starts goes
    across midnight and belongs to the day on which it starts. Equal times mean the
    whole day.

    On the nights of a clock change the clock on the wall counts. A time that does not
    exist is the moment at which the clocks are put forward; of a time that comes twice,
    the first one starts a window and the second one ends it. A window that ends with
    the minute before the times that come twice has ended at the first of them: the
    clock never shows a time of its own again.
    """

    weekdays: frozenset[int] = EVERY_DAY
    """The days on which a window starts; Monday is 0."""
    start: time = time(2)
    end: time = time(5)

    def windows(self, after: datetime, zone: tzinfo) -> Iterator[Window]:
        """Return the windows that end after a moment, in order, without an end in sight.

        Windows without a weekday, and those that a clock change leaves nothing of, do
        not come.
        """
        if not self.weekdays:
            return
        after = bounded(after)
        day = after.astimezone(zone).date() - _DAY
        while day <= _LAST_DAY:
            if day.weekday() in self.weekdays:
                window = self._window_of(day, zone)
                if window.start < window.end and after < window.end:
                    yield window
            day += _DAY

    def window_at(self, moment: datetime, zone: tzinfo) -> Window | None:
        """Return the window that a moment lies in, if any; of two, the later one.

        Two windows overlap where the clocks are put back between the start of one and
        the end of the one before.
        """
        found, moment = None, bounded(moment)
        for window in self.windows(moment, zone):
            if window.start > moment:
                break
            found = window
        return found

    def first_fit(
        self, after: datetime, zone: tzinfo, duration: timedelta
    ) -> datetime | None:
        """Return the earliest moment from which a duration fits; None if it never does."""
        after = bounded(after)
        for window in self.windows(after, zone):
            start = max(after, window.start)
            if duration <= window.end - start:
                return start
            if window.start > after + _LOOK_AHEAD:
                break
        return None

    def _window_of(self, day: date, zone: tzinfo) -> Window:
        last = day if self.start < self.end else day + _DAY
        return Window(
            start=_moment(datetime.combine(day, self.start), zone, last=False),
            end=_end(datetime.combine(last, self.end), zone),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "weekdays": sorted(self.weekdays),
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> QuietHours:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                weekdays=frozenset(map(_weekday, raw["weekdays"])),
                start=time.fromisoformat(raw["start"]),
                end=time.fromisoformat(raw["end"]),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not quiet hours: {err!r}") from err


def _weekday(value: object) -> int:
    if value not in EVERY_DAY or isinstance(value, bool):
        raise ValueError(f"{value!r} is no weekday; they are 0 to 6")
    return as_whole(value)


def moment_of(day: date, at: time, zone: tzinfo) -> datetime:
    """Return when a clock on the wall first shows a time on a day; aware, UTC."""
    day = min(max(day, _FIRST_DAY), _LAST_DAY)
    return _moment(datetime.combine(day, at), zone, last=False)


def _end(wall: datetime, zone: tzinfo) -> datetime:
    """Return when a clock on the wall has shown all times before this one."""
    before = wall - _INSTANT
    if not _comes_twice(before, zone):
        return _moment(wall, zone, last=False)
    return _moment(wall, zone, last=True)


def _comes_twice(wall: datetime, zone: tzinfo) -> bool:
    first, second = _both(wall, zone)
    return first < second


def _both(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return what a time on the wall may mean: read as the first one, and the second."""
    first, second = (
        wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    return first, second


def _moment(wall: datetime, zone: tzinfo, *, last: bool) -> datetime:
    """Return when a clock on the wall shows a time, for the first or the last time.

    One that it leaves out counts as the moment at which it is put forward.
    """
    first, second = _both(wall, zone)
    if first <= second:
        return second if last else first
    # In a gap, PEP 495: read with the offset before the change it is after the change,
    # and the other way round. In between lies the change.
    return _change_between(second, first, zone)


def _change_between(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
