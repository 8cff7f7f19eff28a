"""When a door is used, by the half hours of the week: how a household lives, in 3 kB.

Of each half hour of the week there are two words of bits, one bit for each of the last
weeks: was it watched, and was the door used in it. So nothing is counted twice, however
often it is told; what is older than the weeks that are kept is gone; and what people are
told, "on 1 of 31 weekdays", is exactly what was seen. How much an older week counts is
said where they are weighed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from math import exp
from typing import Any, Final, NamedTuple

from ..moments import bounded
from ..records.stored import as_text, as_whole

DAYS: Final = 7
HALF_HOURS: Final = 48
"""Of a day, as the clock on the wall shows them."""
SLOTS: Final = DAYS * HALF_HOURS
WEEKS: Final = 16
"""For which is kept what was seen."""
FADES_OVER: Final = 8.0
"""Weeks, after which what was seen counts for a third or so of what is seen now."""

_WEIGHTS: Final = tuple(exp(-each / FADES_OVER) for each in range(WEEKS))
_ALL: Final = (1 << WEEKS) - 1
_DIGITS: Final = WEEKS // 4
# A day that was watched for less has told little of how it is lived.
_WATCHED: Final = HALF_HOURS // 2
# The offsets of all zones of today are multiples of it.
_STEP: Final = timedelta(minutes=15)


class HalfHour(NamedTuple):
    """One half hour of one day, by the clock on the wall."""

    day: date
    of_day: int
    """0 to 47."""

    @property
    def slot(self) -> int:
        """Return which one of the week it is; Monday's first one is 0."""
        return self.day.weekday() * HALF_HOURS + self.of_day


def half_hour_of(moment: datetime, zone: tzinfo) -> HalfHour:
    """Return the half hour that a moment lies in."""
    local = bounded(moment).astimezone(zone)
    return HalfHour(local.date(), local.hour * 2 + local.minute // 30)


def half_hours_between(
    begin: datetime, end: datetime, zone: tzinfo
) -> Iterator[HalfHour]:
    """Return the half hours that have begun and ended between two moments, in order.

    One that comes twice, as the clocks are put back, comes twice here.
    """
    moment = bounded(begin)
    moment -= (moment - moment.replace(minute=0, second=0, microsecond=0)) % _STEP
    end = bounded(end)
    if moment >= end:
        return
    # The one that it begins in may have been watched from its middle only.
    running, whole = half_hour_of(moment, zone), False
    while (moment := moment + _STEP) <= end:
        if (now := half_hour_of(moment, zone)) != running:
            if whole:
                yield running
            running, whole = now, True


@dataclass(frozen=True, slots=True)
class Weighed:
    """In how many weeks something was seen, newer ones counting for more."""

    used: float = 0
    watched: float = 0

    def __add__(self, other: Weighed) -> Weighed:
        """Return both together."""
        return Weighed(self.used + other.used, self.watched + other.watched)


def _week_of(day: date) -> int:
    """Return the number of a week; it begins on a Monday."""
    return (day.toordinal() - 1) // DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorUse:
    """When a door was used, and when that would have been seen."""

    week: int = 0
    """The number of the newest week."""
    watched: tuple[int, ...] = (0,) * SLOTS
    """For each half hour of the week a bit for each week, the lowest for the newest."""
    used: tuple[int, ...] = (0,) * SLOTS

    def at(self, today: date) -> DoorUse:
        """Return it as of a day: what is too old is gone, and what has not come yet.

        A clock that was wrong may have written down the latter.
        """
        week = _week_of(today)
        if (passed := week - self.week) == 0:
            return self
        return DoorUse(
            week=week,
            watched=_shifted(self.watched, passed),
            used=_shifted(self.used, passed),
        )

    def noting(
        self, watched: Iterable[HalfHour] = (), used: Iterable[HalfHour] = ()
    ) -> DoorUse:
        """Return it with half hours that were watched, and those with use of the door.

        One with use was seen, whether or not it was watched to its end.
        """
        seen, uses = list(self.watched), list(self.used)
        for half_hour in watched:
            seen[half_hour.slot] |= self._bit(half_hour)
        for half_hour in used:
            bit = self._bit(half_hour)
            seen[half_hour.slot] |= bit
            uses[half_hour.slot] |= bit
        return DoorUse(week=self.week, watched=tuple(seen), used=tuple(uses))

    def _bit(self, half_hour: HalfHour) -> int:
        """Return the bit of its week; none where that is not kept."""
        ago = self.week - _week_of(half_hour.day)
        return 1 << ago if 0 <= ago < WEEKS else 0

    def joined(self, other: DoorUse) -> DoorUse:
        """Return the use of two doors as if they were one."""
        newest = max(self.week, other.week)
        ours, theirs = (
            (
                _shifted(each.watched, newest - each.week),
                _shifted(each.used, newest - each.week),
            )
            for each in (self, other)
        )
        return DoorUse(
            week=newest,
            watched=_either(ours[0], theirs[0]),
            used=_either(ours[1], theirs[1]),
        )

    @property
    def observed_days(self) -> int:
        """Return how many days were watched for long enough to tell anything."""
        return sum(
            sum(
                word >> ago & 1
                for word in self.watched[
                    weekday * HALF_HOURS : (weekday + 1) * HALF_HOURS
                ]
            )
            >= _WATCHED
            for weekday in range(DAYS)
            for ago in range(WEEKS)
        )

    def seen(self, slot: int) -> Weighed:
        """Return what was seen in a half hour of the week, newer weeks counting more."""
        return Weighed(_weighed(self.used[slot]), _weighed(self.watched[slot]))

    def days(self, slots: Iterable[int]) -> tuple[int, int]:
        """Return on how many days the door was used in half hours of one day, of how many.

        A day counts where all of them were watched, or one of them was used.
        """
        used, watched = 0, _ALL
        for slot in slots:
            used |= self.used[slot]
            watched &= self.watched[slot]
        return used.bit_count(), (watched | used).bit_count()

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold: always as long."""
        return {
            "week": self.week,
            "watched": _written(self.watched),
            "used": _written(self.used),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> DoorUse:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            watched, used = _read(raw["watched"]), _read(raw["used"])
            return cls(week=as_whole(raw["week"]), watched=watched, used=used)
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not the use of a door: {err!r}") from err


def _shifted(words: tuple[int, ...], weeks: int) -> tuple[int, ...]:
    """Return words as they are some weeks later, or earlier."""
    if abs(weeks) >= WEEKS:
        return (0,) * SLOTS
    if weeks >= 0:
        return tuple(word << weeks & _ALL for word in words)
    return tuple(word >> -weeks for word in words)


def _either(ours: tuple[int, ...], theirs: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one | other for one, other in zip(ours, theirs, strict=True))


def _weighed(word: int) -> float:
    return sum(_WEIGHTS[ago] for ago in range(WEEKS) if word >> ago & 1)


def _written(words: tuple[int, ...]) -> str:
    return "".join(f"{word:x}".zfill(_DIGITS) for word in words)


def _read(value: object) -> tuple[int, ...]:
    text = as_text(value)
    if len(text) != SLOTS * _DIGITS or not (text.isascii() and text.isalnum()):
        raise ValueError(f"it has {len(text)} characters")
    return tuple(
        int(text[each : each + _DIGITS], 16) for each in range(0, len(text), _DIGITS)
    )
