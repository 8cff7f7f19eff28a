"""Quiet hours that a household could have, by when its doors were used so far.

For each window that the owner allows it is asked how often, at the most, somebody would
want the door in the middle of an installation; where little was seen, "at the most" is
far from what was seen, so little evidence never looks like quiet. Nothing here decides
anything: a person reads it, and sets it or does not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from math import ceil, exp, sqrt
from typing import Final

from .door_use import DAYS, HALF_HOURS, DoorUse, Weighed
from .quiet_hours import QuietHours

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
# People come home at nearly the same time, not at the same half hour.
_NEARBY: Final = ((-1, 0.25), (0, 0.5), (1, 0.25))
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
    length = min(max(ceil(expected / _HALF_HOUR), _SHORTEST), _LONGEST)
    best: tuple[float, float, float, QuietHours] | None = None
    for nights, start in starts(allowed, length):
        for weekdays in day_sets(nights):
            # A window on fewer days has to earn it.
            handicap = 1.0 if weekdays == nights else 1 / _WORTH_DAYS
            risk = rates.risk(weekdays, start, length, expected)
            rank = (round(risk * handicap, 9), handicap, _from_deepest(start, length))
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
    return _Rates(use).risk(hours.weekdays, start, length, expected)


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


class _Rates:
    """What a proposal asks of a record, each once."""

    def __init__(self, use: DoorUse) -> None:
        seen = [use.seen(slot) for slot in range(DAYS * HALF_HOURS)]
        self._seen = [_near(seen, slot) for slot in range(len(seen))]

    def risk(
        self, weekdays: frozenset[int], start: int, length: int, expected: timedelta
    ) -> float:
        """Return which share of installations is met at the most.

        All days of a kind are looked at as one, for on one alone little is seen; and an
        installation may begin at any moment that lets it end in time.
        """
        total = 0.0
        for kind in (WEEKDAYS, WEEKEND):
            if not (days := weekdays & kind):
                continue
            together = Weighed()
            for weekday in days:
                for slot in _slots(weekday, start, length):
                    together += self._seen[slot]
            total += len(days) * upper_bound(together.used, together.watched)
        meant = total / len(weekdays) * (expected / _HALF_HOUR)
        return 1 - exp(-meant)


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
