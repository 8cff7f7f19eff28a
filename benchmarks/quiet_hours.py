"""How often somebody wants the door while it is updated, by how quiet hours were found.

    .venv/bin/python -m benchmarks.quiet_hours

Synthetic homes, each with habits of its own: the hours at which its door is used, on which
days, with which spread, and what changes over the months (shifts, guests, holidays, and
clocks that are changed). A home is watched for some weeks; then releases come at random
moments, and each is installed where the code of the house would put it. Which share of the
installations somebody meets at the door is counted under

* *fixed*: 02:00 to 05:00, every day, which is where everybody begins;
* *random*: a window as long as the learned one, anywhere in what is allowed;
* *learned*: what is proposed out of what was seen;
* *oracle*: the best there is among windows that could be proposed, computed from the very
  habits; it needs no evidence, and knows what is still to come.

What is met in a life of ten weeks is a matter of luck, for the oracle too. So the share
that a window has by the very habits is computed as well, and how far what is learned is
from the best is told by that, with how sure it is.

What the code chooses by was tuned on homes that are drawn by lot (``drawn``, and lives
``TUNED``), which have nothing to do with those that are reported, in lives from ``FIRST_LIFE``
on. No home is left out; each counts as much as any other.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from math import sqrt
from random import Random
from statistics import NormalDist, variance
import sys
from zoneinfo import ZoneInfo

from custom_components.nightlatch.core.schedule.door_use import (
    DoorUse,
    half_hour_of,
    half_hours_between,
)
from custom_components.nightlatch.core.schedule.proposal import (
    ALLOWED,
    day_sets,
    propose,
    starts,
    window,
)
from custom_components.nightlatch.core.schedule.quiet_hours import EVERY_DAY, QuietHours

from .shape import Found, Row, Table, main

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = date(2026, 8, 3)
"""A Monday; twelve weeks on the clocks are put back, in the weeks that are measured."""
WATCHED = 10
"""Weeks before anything is proposed."""
MEASURED = 10
"""Weeks in which releases come."""
FIRST_LIFE = 100_001
SEEDS = 200
"""Homes of each kind."""
DRAWN = range(150)
"""The homes on which the code was tuned."""
TUNED = range(50_001, 50_007)
"""And the lives in each."""
RELEASES = 200
"""For each home; that many would never come, but one counts as much as any other."""
EXPECTED = timedelta(minutes=23)
"""An installation by Bluetooth, and a little of another one before it."""
LENGTH = 2
"""Half hours of what is proposed for that."""
BEFORE, AFTER = range(WATCHED), range(WATCHED, WATCHED + MEASURED)
ALL = "all homes"
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Habit:
    """Something for which a door is used."""

    at: float
    """Hours after midnight; above 24 in the night that follows."""
    spread: float
    """Hours: the deviation of a normal distribution."""
    days: frozenset[int] = frozenset(range(7))
    """Of the evening's or morning's own day; Monday is 0."""
    share: float = 1.0
    """Of these days on which it happens."""
    weeks: Callable[[int], bool] = lambda _: True
    """In which weeks."""


def _days(*days: int) -> frozenset[int]:
    return frozenset(days)


_AWAY = frozenset({2, 3, 4})
WEEKDAYS, WEEKEND = _days(0, 1, 2, 3, 4), _days(5, 6)
_USUAL = (
    Habit(7.4, 0.4, WEEKDAYS, 0.95),
    Habit(9.5, 1.2, WEEKEND, 0.9),
    Habit(17.6, 0.9, WEEKDAYS, 0.95),
    Habit(14.0, 2.5, WEEKEND, 0.8),
    Habit(21.5, 1.0, share=0.4),
    # Whatever it is, once in a while, at any hour of the night.
    Habit(27.0, 3.0, share=0.03),
)
HOMES: dict[str, tuple[Habit, ...]] = {
    "office hours": _USUAL,
    "shift work": (
        *_USUAL,
        # Late shift, every other week; home at half past two, and out with the dog.
        Habit(26.5, 0.3, WEEKDAYS, 0.95, lambda week: week % 2 == 0),
        Habit(27.2, 0.3, WEEKDAYS, 0.5, lambda week: week % 2 == 0),
    ),
    "baker": (
        *_USUAL,
        Habit(2.6, 0.2, _days(0, 1, 2, 3, 4, 5), 0.97),
        Habit(11.0, 0.6, _days(0, 1, 2, 3, 4, 5), 0.95),
    ),
    "teenagers": (
        *_USUAL,
        Habit(26.5, 0.8, _days(4, 5), 0.75),
        Habit(27.2, 0.6, _days(4, 5), 0.5),
        Habit(24.2, 0.5, _days(3), 0.3),
    ),
    "guests": (
        *_USUAL,
        # Lets a room: in most weeks somebody arrives with the last or the first train.
        Habit(25.6, 0.8, share=0.22, weeks=lambda week: week % 4 != 0),
        Habit(28.4, 0.4, share=0.25, weeks=lambda week: week % 4 != 0),
    ),
    "cleaning day": (
        *_USUAL,
        # An office with a cleaner before anybody is there.
        Habit(3.0, 0.3, _days(1), 0.97),
        Habit(4.6, 0.3, _days(1), 0.97),
    ),
    "holidays": tuple(
        # Nobody is there for three weeks in summer; then they live as early risers do.
        Habit(
            each.at, each.spread, each.days, each.share, lambda week: week not in _AWAY
        )
        for each in (*_USUAL, Habit(4.7, 0.3, WEEKDAYS, 0.9))
    ),
    "clock change": (
        *_USUAL,
        # By the clock on the wall, whatever the sun does.
        Habit(4.3, 0.2, share=0.85),
        Habit(3.9, 0.3, WEEKEND, 0.5),
    ),
    "nurse": (
        *_USUAL,
        # Nights at work, three in a week, in turn; out at nine and back in the morning.
        Habit(20.8, 0.2, _days(0, 1, 2), 0.9, lambda week: week % 3 == 0),
        Habit(22.4, 0.3, _days(3, 4), 0.9, lambda week: week % 3 == 1),
        Habit(30.4, 0.3, _days(0, 1, 2), 0.9, lambda week: week % 3 == 0),
        Habit(27.6, 0.5, _days(3, 4), 0.6, lambda week: week % 3 == 1),
    ),
}


@dataclass(frozen=True, slots=True)
class Shares:
    """Which share of installations somebody met at the door."""

    fixed: float
    random: float
    learned: float
    oracle: float
    chosen: float
    """By the habits: what is met in the window that was learned."""
    best: float
    """And in the best one."""


@dataclass(frozen=True, slots=True)
class Distance:
    """How much more is met in what is learned than in the best, by the habits."""

    ratio: float
    margin: float
    """Of it, two standard deviations, by how much lives differ."""


def drawn(number: int) -> tuple[Habit, ...]:
    """Return how a home lives that is drawn by lot."""
    random = Random(f"home {number}")
    habits = [
        Habit(each.at + random.gauss(0, 0.5), each.spread, each.days, each.share)
        for each in _USUAL[:-1]
    ]
    if random.random() < 0.5:
        share = random.uniform(0.01, 0.06)
        habits.append(Habit(random.uniform(24, 30), 3.0, share=share))
    habits += [_drawn_habit(random) for _ in range(random.randint(1, 4))]
    return tuple(habits)


def _drawn_habit(random: Random) -> Habit:
    """Return something for which a door is used at night."""
    at, spread = random.uniform(21.5, 30.5), 0.15 * 8 ** random.random()
    share = random.random()
    first = random.randrange(7)
    some = frozenset((first + by) % 7 for by in range(random.randint(1, 3)))
    days = random.choice((EVERY_DAY, EVERY_DAY, WEEKDAYS, WEEKEND, some))
    every = random.choice((1, 1, 1, 2, 3, 4))
    turn, only = random.randrange(every), random.random() < 0.5

    def weeks(week: int) -> bool:
        return every == 1 or (week % every == turn) is only

    return Habit(at, spread, days, share, weeks)


def uses(
    habits: Sequence[Habit], random: Random, weeks: range, zone: tzinfo = BERLIN
) -> list[datetime]:
    """Return when a door is used in some weeks, in order; aware, UTC."""
    found = []
    for week in weeks:
        for weekday in range(7):
            day = FIRST + _DAY * (week * 7 + weekday)
            for habit in habits:
                if (
                    weekday in habit.days
                    and habit.weeks(week)
                    and random.random() < habit.share
                ):
                    hours = random.gauss(habit.at, habit.spread)
                    wall = datetime.combine(day, time()) + timedelta(hours=hours)
                    found.append(wall.replace(tzinfo=zone).astimezone(UTC))
    return sorted(found)


def seen(moments: Sequence[datetime], weeks: range, zone: tzinfo = BERLIN) -> DoorUse:
    """Return what is known of a door that was watched for some weeks."""
    begin, end = _begin(weeks.start, zone), _begin(weeks.stop, zone)
    return (
        DoorUse()
        .at(end.astimezone(zone).date() - _DAY)
        .noting(
            watched=half_hours_between(begin, end, zone),
            used=(half_hour_of(each, zone) for each in moments),
        )
    )


def _begin(week: int, zone: tzinfo) -> datetime:
    day = FIRST + _DAY * week * 7
    return datetime.combine(day, time(), zone).astimezone(UTC)


def windows() -> Iterator[QuietHours]:
    """Return all windows that could be proposed."""
    for nights, start in starts(ALLOWED, LENGTH):
        for weekdays in day_sets(nights):
            yield window(weekdays, start, LENGTH)


@cache
def begun(hours: QuietHours, releases: int) -> list[datetime]:
    """Return when releases are installed, which become due at random moments."""
    random, begin = Random(releases), _begin(AFTER.start, BERLIN)
    length = int((len(AFTER) - 1) * 7 * _DAY / _MINUTE)
    found = []
    for _ in range(releases):
        due = begin + _MINUTE * random.randrange(length)
        start = hours.first_fit(due, BERLIN, EXPECTED)
        assert start is not None
        found.append(start)
    return found


def met(installations: Sequence[datetime], moments: Sequence[datetime]) -> float:
    """Return during which share of the installations somebody wants the door."""
    hit = 0
    for start in installations:
        at = bisect_left(moments, start)
        hit += at < len(moments) and moments[at] < start + EXPECTED
    return hit / len(installations)


def by_habits(habits: Sequence[Habit]) -> dict[QuietHours, float]:
    """Return which share is met in each window if each installation starts with it."""
    chances: dict[tuple[int, float], float] = {}
    found = {}
    for hours in windows():
        begin = hours.start.hour + hours.start.minute / 60
        total = 0.0
        for weekday in hours.weekdays:
            # What becomes due on days without a window comes in the next one.
            waited = next(
                by for by in range(1, 8) if (weekday - by) % 7 in hours.weekdays
            )
            if (weekday, begin) not in chances:
                chances[weekday, begin] = sum(
                    _chance(habits, week, weekday, begin) for week in AFTER
                )
            total += waited * chances[weekday, begin]
        found[hours] = total / (7 * len(AFTER))
    return found


def _chance(habits: Sequence[Habit], week: int, weekday: int, begin: float) -> float:
    """Return how likely somebody uses the door in an installation on one day."""
    length = EXPECTED / timedelta(hours=1)
    nobody = 1.0
    for habit in habits:
        for later in (-1, 0, 1):
            at = begin - 24 * later
            day = week * 7 + weekday + later
            if day % 7 in habit.days and habit.weeks(day // 7):
                usual = NormalDist(habit.at, habit.spread)
                nobody *= 1 - habit.share * (usual.cdf(at + length) - usual.cdf(at))
    return 1 - nobody


def measure(
    habits: Sequence[Habit], seed: int, shares: dict[QuietHours, float], releases: int
) -> Shares:
    """Live one life: watch, propose, and install; return what came of it."""
    random = Random(seed)
    known = seen(uses(habits, random, BEFORE), BEFORE)
    proposal = propose(known, EXPECTED)
    assert proposal.learned
    moments = uses(habits, random, AFTER)
    _, anywhere = random.choice(list(starts(ALLOWED, LENGTH)))
    best = min(shares, key=lambda hours: shares[hours])
    return Shares(
        fixed=met(begun(QuietHours(), releases), moments),
        random=met(begun(window(EVERY_DAY, anywhere, LENGTH), releases), moments),
        learned=met(begun(proposal.hours, releases), moments),
        oracle=met(begun(best, releases), moments),
        chosen=shares[proposal.hours],
        best=shares[best],
    )


def mean(found: Sequence[Shares]) -> Shares:
    """Return the mean of shares, each way by itself."""
    return Shares(
        **{
            each.name: sum(getattr(shares, each.name) for shares in found) / len(found)
            for each in fields(Shares)
        }
    )


def run(
    homes: dict[str, tuple[Habit, ...]], lives: range, releases: int = RELEASES
) -> tuple[dict[str, Shares], Distance]:
    """Return what came of it, by the kind of home, and of all; and how far from best."""
    lived: dict[str, list[Shares]] = {}
    for name, habits in homes.items():
        shares = by_habits(habits)
        lived[name] = [measure(habits, seed, shares, releases) for seed in lives]
    found = {name: mean(each) for name, each in lived.items()}
    together = mean(list(found.values()))
    # Homes are what they are; what differs by chance are the lives in each.
    spread = sum(variance([each.chosen for each in one]) for one in lived.values())
    deviation = sqrt(spread / len(lives)) / len(homes)
    distance = Distance(
        ratio=together.chosen / together.best, margin=2 * deviation / together.best
    )
    return {**found, ALL: together}, distance


def report(short: bool) -> Found:
    """Measure all; for a quick look a few lives."""
    seeds = 10 if short else SEEDS
    found, distance = run(HOMES, range(FIRST_LIFE, FIRST_LIFE + seeds))
    shares = [
        Row(
            name=name,
            figures={
                "learned %": each.learned * 100,
                "random %": each.random * 100,
                "oracle %": each.oracle * 100,
                "by habits %": each.chosen * 100,
                "best %": each.best * 100,
            },
            baseline=each.fixed * 100,
        )
        for name, each in found.items()
    ]
    drawn_homes = DRAWN[:10] if short else DRAWN
    tuned, of_tuned = run({str(each): drawn(each) for each in drawn_homes}, TUNED, 1)
    by_habits = [
        Row(
            name=name,
            figures={
                "learned %": of[ALL].chosen * 100,
                "+- of the ratio": away.margin,
            },
            baseline=of[ALL].best * 100,
        )
        for name, of, away in (
            ("homes that are reported", found, distance),
            ("homes it was tuned on", tuned, of_tuned),
        )
    ]
    return Found(
        tables=[
            Table(
                name="Installations that somebody meets at the door",
                of="the fixed hours, 02:00 to 05:00",
                rows=shares,
            ),
            Table(
                name="By the habits themselves",
                of="the best window there is",
                rows=by_habits,
            ),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(__doc__, report))
