"""Quiet hours that a household could have, by when its doors were used so far.

For each window that the owner allows it is asked how often, at the most, somebody would
want the door in the middle of an installation; where little was seen, "at the most" is
far from what was seen, so little evidence never looks like quiet. Nothing here decides
anything: a person reads it, and sets it or does not.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from math import ceil, exp, sqrt
from typing import Final

from .door_use import DAYS, HALF_HOURS, DoorUse, Weighed
from .quiet_hours import EVERY_DAY, QuietHours

ENOUGH_DAYS: Final = 14
"""Observed days before anything is proposed; until then the usual hours hold."""
ALLOWED: Final = QuietHours(start=time(22), end=time(6))
"""Where an owner has not said more: hours of the night."""
WEEKDAYS: Final = frozenset(range(5))
WEEKEND: Final = frozenset({5, 6})

_HALF_HOUR: Final = timedelta(minutes=30)
# What comes before it in the queue, or has to be tried once more, needs room too.
_SHORTEST: Final = 2
_LONGEST: Final = HALF_HOURS // 2
# How sure: the true rate is below the bound nineteen times out of twenty.
_Z: Final = 1.6448536269514722
# What follows was chosen by ``benchmarks/quiet_hours.py`` on homes that were drawn by lot,
# and not on those that it reports.
# People come home at nearly the same time, not at the same half hour: a normal
# distribution, with a deviation of 21 minutes.
_NEARBY: Final = ((-2, 0.01), (-1, 0.205), (0, 0.57), (1, 0.205), (2, 0.01))
# An installation begins as the hours do. So they count for as long as it takes; what
# comes after is for one that had to wait, or has to be tried again.
_AFTERWARDS: Final = 0.2
# What one kind of days does is believed as far as it was seen, and else as on all days;
# these are as much as so many weeks of one half hour.
_LIKE_ALL_DAYS: Final = 30.0
# Fewer days are proposed only where that is clearly better: an update waits for them.
_WORTH_DAYS: Final = 0.85
_FEWEST_DAYS: Final = 2
# Of two that are as quiet, people expect the one that is deeper in the night.
_DEEPEST: Final = 7
"""Half past three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was seen in some hours, as people are told it."""

    used: int
    """Days on which a door was used in them."""
    days: int
    """Days on which that would have been seen."""
    weekdays: frozenset[int]
    """Of which days of the week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Quiet hours that a household could have."""

    hours: QuietHours
    learned: bool
    """Whether they come from what was seen; else too little was, and they are the usual."""
    observed_days: int
    risk: float | None
    """At the most so many of all installations would be met by somebody who wants the
    door; None where nothing was learned."""
    facts: tuple[Facts, ...]
    """What was seen in these hours; first on weekdays, then at weekends."""


def propose(
    use: DoorUse,
    expected: timedelta,
    allowed: QuietHours = ALLOWED,
    usual: QuietHours | None = None,
) -> Proposal:
    """Return the quietest hours in which an installation fits, within what is allowed."""
    days = use.observed_days
    if days < ENOUGH_DAYS or not allowed.weekdays:
        return _unlearned(use, usual or QuietHours())
    rates = _Rates(use)
    length = _length(expected)
    best: tuple[float, float, float, QuietHours] | None = None
    for nights, start in starts(allowed, length):
        for weekdays in day_sets(nights):
            # A window on fewer days has to earn it.
            handicap = 1.0 if weekdays == nights else 1 / _WORTH_DAYS
            likely = rates.likely(weekdays, start, length, expected)
            rank = (round(likely * handicap, 9), handicap, _from_deepest(start, length))
            if best is None or rank < best[:3]:
                best = (*rank, window(weekdays, start, length))
    if best is None:
        # Nothing as long fits into what is allowed.
        return _unlearned(use, usual or QuietHours())
    hours = best[3]
    return Proposal(
        hours=hours,
        learned=True,
        observed_days=days,
        risk=risk_of(use, hours, expected),
        facts=facts_of(use, hours),
    )


def risk_of(use: DoorUse, hours: QuietHours, expected: timedelta) -> float | None:
    """Return how many installations in some hours would be met, at the most.

    None where there are no such hours.
    """
    if not hours.weekdays:
        return None
    start, length = _span(hours)
    return _Rates(use).at_most(hours.weekdays, start, length, expected)


def surely_met(use: DoorUse, hours: QuietHours, expected: timedelta) -> float:
    """Return how many installations in some hours would be met, at the least."""
    if not hours.weekdays:
        return 0.0
    start, length = _span(hours)
    return _Rates(use).at_least(hours.weekdays, start, length, expected)


def fits(allowed: QuietHours, expected: timedelta) -> bool:
    """Return whether hours that are allowed have room for what may be proposed in them."""
    return next(starts(allowed, _length(expected)), None) is not None


def room_for(expected: timedelta) -> timedelta:
    """Return how long hours have to be so that something can be proposed in them."""
    return _length(expected) * _HALF_HOUR


def facts_of(use: DoorUse, hours: QuietHours) -> tuple[Facts, ...]:
    """Return what was seen in some hours."""
    found = []
    start, length = _span(hours)
    for kind in (WEEKDAYS, WEEKEND):
        if not (weekdays := hours.weekdays & kind):
            continue
        counted = [
            use.days(_slots(weekday, start, length)) for weekday in sorted(weekdays)
        ]
        found.append(
            Facts(
                used=sum(each[0] for each in counted),
                days=sum(each[1] for each in counted),
                weekdays=weekdays,
            )
        )
    return tuple(found)


def rates_of_week(use: DoorUse) -> tuple[tuple[float | None, ...], ...]:
    """Return for each day and half hour how often the door was used, as it is shown.

    From 0 to 1: the share of days, newer weeks counting for more; None where that was
    never watched.
    """
    seen = [use.seen(slot) for slot in range(DAYS * HALF_HOURS)]
    return tuple(
        tuple(
            each.used / each.watched if each.watched else None
            for each in seen[day * HALF_HOURS : (day + 1) * HALF_HOURS]
        )
        for day in range(DAYS)
    )


def upper_bound(used: float, watched: float) -> float:
    """Return how often something happens at the most, by how often it was seen.

    The upper end of what a Poisson rate can be: a Gamma distribution's quantile, by
    Wilson and Hilferty. Where nothing was watched there is no end.
    """
    if watched <= 0:
        return float("inf")
    shape = used + 1
    root = 1 - 1 / (9 * shape) + _Z / (3 * sqrt(shape))
    return shape * root**3 / watched


def lower_bound(used: float, watched: float) -> float:
    """Return how often something happens at the least, by how often it was seen."""
    if used <= 0 or watched <= 0:
        return 0.0
    root = max(1 - 1 / (9 * used) - _Z / (3 * sqrt(used)), 0.0)
    return used * root**3 / watched


class _Rates:
    """What a proposal asks of a record, each once."""

    def __init__(self, use: DoorUse) -> None:
        seen = [use.seen(slot) for slot in range(DAYS * HALF_HOURS)]
        self._seen = [_near(seen, slot) for slot in range(len(seen))]

    def at_most(
        self, weekdays: frozenset[int], start: int, length: int, expected: timedelta
    ) -> float:
        """Return which share of installations is met at the most, as people are told it.

        All days of a kind are looked at as one, for on one alone little is seen.
        """
        return self._bounded(upper_bound, weekdays, start, length, expected)

    def at_least(
        self, weekdays: frozenset[int], start: int, length: int, expected: timedelta
    ) -> float:
        """Return which share of installations is met at the least."""
        return self._bounded(lower_bound, weekdays, start, length, expected)

    def _bounded(
        self,
        bound: Callable[[float, float], float],
        weekdays: frozenset[int],
        start: int,
        length: int,
        expected: timedelta,
    ) -> float:
        times = _times(start, length, expected)
        total = 0.0
        for days in _kinds(weekdays):
            seen = self._together(days, times)
            total += len(days) * bound(seen.used, seen.watched)
        return _met(total / len(weekdays), expected)

    def likely(
        self, weekdays: frozenset[int], start: int, length: int, expected: timedelta
    ) -> float:
        """Return which share is met as far as one can tell: for choosing between hours.

        The end of what can be would choose by how much was seen rather than by what.
        """
        times = _times(start, length, expected)
        every = self._together(EVERY_DAY, times)
        if not every.watched:
            return 1.0
        usual = Weighed(every.used / every.watched * _LIKE_ALL_DAYS, _LIKE_ALL_DAYS)
        total = 0.0
        for days in _kinds(weekdays):
            seen = self._together(days, times) + usual
            total += len(days) * (seen.used + 1) / seen.watched
        return _met(total / len(weekdays), expected)

    def _together(
        self, days: frozenset[int], times: Sequence[tuple[int, float]]
    ) -> Weighed:
        """Return what was seen at some times of several days."""
        used = watched = 0.0
        for weekday in days:
            for of_day, weight in times:
                seen = self._seen[(weekday * HALF_HOURS + of_day) % len(self._seen)]
                used += seen.used * weight
                watched += seen.watched * weight
        return Weighed(used, watched)


def _length(expected: timedelta) -> int:
    """Return how many half hours are proposed for what takes so long."""
    return min(max(ceil(expected / _HALF_HOUR), _SHORTEST), _LONGEST)


def _kinds(weekdays: frozenset[int]) -> list[frozenset[int]]:
    """Return days by their kinds, as far as there are any."""
    return [days for kind in (WEEKDAYS, WEEKEND) if (days := weekdays & kind)]


def _times(start: int, length: int, expected: timedelta) -> list[tuple[int, float]]:
    """Return the half hours of a window, and how much each counts."""
    first = start + ceil(expected / _HALF_HOUR)
    return [
        (each, 1.0 if each < first else _AFTERWARDS)
        for each in range(start, start + length)
    ]


def _met(rate: float, expected: timedelta) -> float:
    """Return how likely something that comes at a rate comes while it takes."""
    return 1 - exp(-rate * (expected / _HALF_HOUR))


def _near(seen: Sequence[Weighed], slot: int) -> Weighed:
    """Return what was seen in a half hour, and a little of what was around it."""
    used = watched = 0.0
    for by, weight in _NEARBY:
        each = seen[(slot + by) % len(seen)]
        used += each.used * weight
        watched += each.watched * weight
    return Weighed(used, watched)


def day_sets(allowed: frozenset[int]) -> Iterator[frozenset[int]]:
    """Return on which days windows could start: all, or those of a kind, or all but one."""
    yield allowed
    for kind in (WEEKDAYS, WEEKEND):
        if allowed & kind != allowed and len(allowed & kind) >= _FEWEST_DAYS:
            yield allowed & kind
    for days in (allowed, allowed & WEEKDAYS):
        if len(days) > _FEWEST_DAYS:
            for weekday in sorted(days):
                yield days - {weekday}


def starts(allowed: QuietHours, length: int) -> Iterator[tuple[frozenset[int], int]]:
    """Return on which days, and with which half hour, windows could start.

    Allowed hours across midnight belong to the day they start on; a window in them that
    starts after midnight to the one after.
    """
    first, room = _inner_span(allowed)
    for start in range(first, first + room - length + 1):
        later = start // HALF_HOURS
        yield (
            frozenset((day + later) % DAYS for day in allowed.weekdays),
            start % HALF_HOURS,
        )


def _inner_span(hours: QuietHours) -> tuple[int, int]:
    """Return the first of the half hours that lie wholly in some hours, and how many."""
    begin, end = _minutes(hours)
    first = ceil(begin / 30)
    return first, end // 30 - first


def _span(hours: QuietHours) -> tuple[int, int]:
    """Return the first of the half hours that some hours touch, and how many."""
    begin, end = _minutes(hours)
    first = begin // 30
    return first, ceil(end / 30) - first


def _minutes(hours: QuietHours) -> tuple[int, int]:
    begin = hours.start.hour * 60 + hours.start.minute
    end = hours.end.hour * 60 + hours.end.minute
    return begin, end if begin < end else end + 24 * 60


def _slots(weekday: int, start: int, length: int) -> Iterator[int]:
    """Return the half hours of the week that a window covers which starts on a day."""
    for index in range(start, start + length):
        yield (weekday * HALF_HOURS + index) % (DAYS * HALF_HOURS)


def window(weekdays: frozenset[int], start: int, length: int) -> QuietHours:
    """Return quiet hours that start with a half hour of some days."""
    return QuietHours(weekdays=weekdays, start=_time(start), end=_time(start + length))


def _time(index: int) -> time:
    minutes = index % HALF_HOURS * 30
    return time(minutes // 60, minutes % 60)


def _from_deepest(start: int, length: int) -> float:
    """Return how far the middle of a window is from the deepest night."""
    away = abs(start + length / 2 - _DEEPEST) % HALF_HOURS
    return min(away, HALF_HOURS - away)


def _unlearned(use: DoorUse, usual: QuietHours) -> Proposal:
    return Proposal(
        hours=usual,
        learned=False,
        observed_days=use.observed_days,
        risk=None,
        facts=facts_of(use, usual),
    )
