"""Every clock change that the world's zones have, against a clock that is read each minute.

What is compared with knows nothing of gaps and of times that come twice: it goes through
the minutes and looks at the wall.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from custom_components.nightlatch.core.schedule.door_use import (
    HALF_HOURS,
    half_hour_of,
    half_hours_between,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_BEGIN, _END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)

type Change = tuple[datetime, timedelta, timedelta]


def _zones() -> Iterator[tuple[str, ZoneInfo]]:
    """Yield the zones of the installed package, whatever the system has."""
    folder = files("tzdata")
    for name in (folder / "zones").read_text("utf-8").split():
        with (folder / "zoneinfo").joinpath(*name.split("/")).open("rb") as data:
            yield name, ZoneInfo.from_file(data, key=name)


def _changes(zone: tzinfo) -> tuple[Change, ...]:
    """Return when clocks are changed, from what offset to what, to the minute."""
    found = []
    steps = [_BEGIN + _DAY * each for each in range((_END - _BEGIN).days + 1)]
    for low, high in pairwise(
        (each, each.astimezone(zone).utcoffset()) for each in steps
    ):
        if low[1] == high[1]:
            continue
        before, after = low[0], high[0]
        while after - before > _MINUTE:
            middle = before + (after - before) // _MINUTE // 2 * _MINUTE
            if middle.astimezone(zone).utcoffset() == low[1]:
                before = middle
            else:
                after = middle
        assert low[1] is not None
        assert high[1] is not None
        found.append((after, low[1], high[1]))
    return tuple(found)


@cache
def groups() -> list[tuple[list[str], ZoneInfo, tuple[Change, ...]]]:
    """Return the zones in groups: those that change the same clocks are one.

    By how the wall is changed and not by where that is: what the wall shows around a
    change is all that counts.
    """
    found: dict[object, tuple[list[str], ZoneInfo, tuple[Change, ...]]] = {}
    for name, zone in _zones():
        changes = _changes(zone)
        rules = tuple(
            (moment + before, after - before) for moment, before, after in changes
        ) or zone.utcoffset(_BEGIN.replace(tzinfo=zone))
        found.setdefault(rules, ([], zone, changes))[0].append(name)
    return list(found.values())


def test_the_whole_world_is_looked_at() -> None:
    """Or nothing below would mean much."""
    names = {name for group, _, _ in groups() for name in group}
    assert len(names) > 500
    assert {"Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"} <= names
    assert sum(bool(changes) for _, _, changes in groups()) > 20


def _walls(zone: tzinfo, around: datetime) -> list[tuple[datetime, datetime]]:
    """Return what the wall shows, for each minute of the days around a change."""
    begin = around - 2 * _DAY
    minutes = [begin + _MINUTE * each for each in range(4 * 24 * 60)]
    return [(each, each.astimezone(zone).replace(tzinfo=None)) for each in minutes]


def _read_off(
    walls: list[tuple[datetime, datetime]], day: date, start: time, end: time
) -> tuple[datetime, datetime] | None:
    """Return from when until when the wall shows times of a window."""
    first = datetime.combine(day, start)
    last = datetime.combine(day if start < end else day + _DAY, end)
    shown = [moment for moment, wall in walls if first <= wall < last]
    return (shown[0], shown[-1] + _MINUTE) if shown else None


def _cases(change: Change) -> set[tuple[date, time, time]]:
    """Return windows that begin and end at, in, and around what is changed."""
    moment, before, after = change
    walls = {
        (moment + before).replace(tzinfo=None),
        (moment + after).replace(tzinfo=None),
    }
    middle = min(walls) + (max(walls) - min(walls)) // 2
    edges = {
        wall + by
        for wall in (*walls, middle)
        for by in (-_HOUR, -_MINUTE, timedelta(), _MINUTE, _HOUR)
    }
    return {
        (start.date(), start.time(), end.time())
        for start in edges
        for end in (*edges, start + timedelta(hours=3), start + _DAY)
        if start < end <= start + _DAY
    } | {
        (edge.date() - _DAY, time(22), edge.time())
        for edge in edges
        if edge.time() < time(22)
    }


def test_windows_are_what_the_wall_shows_in_every_zone() -> None:
    """At each kind of change that a zone has: minute by minute."""
    seen: set[object] = set()
    for names, zone, changes in groups():
        for change in changes:
            moment, before, after = change
            kind = ((moment + before).time(), after - before)
            if kind in seen:
                continue
            seen.add(kind)
            walls = _walls(zone, moment)
            for day, start, end in _cases(change):
                hours = QuietHours(
                    weekdays=frozenset({day.weekday()}), start=start, end=end
                )
                expected = _read_off(walls, day, start, end)
                found = next(hours.windows(walls[0][0], zone))
                if expected is None:
                    assert found.start > walls[-1][0], (names, day, start, end)
                else:
                    assert (found.start, found.end) == expected, (
                        names,
                        day,
                        start,
                        end,
                    )
    assert len(seen) > 10


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York"])
def test_a_window_that_ends_as_the_doubled_hour_begins_is_not_an_hour_longer(
    name: str,
) -> None:
    """It ends when the clock shows its end for the first time."""
    zone = ZoneInfo(name)
    end = time(2) if name == "Europe/Berlin" else time(1)
    day = date(2026, 10, 25) if name == "Europe/Berlin" else date(2026, 11, 1)
    hours = QuietHours(weekdays=frozenset({day.weekday()}), start=time(0), end=end)
    midnight = datetime.combine(day, time(0), zone)
    window = next(hours.windows(midnight, zone))
    assert window.end - window.start == timedelta(hours=end.hour)


def test_half_hours_are_what_the_wall_shows_in_every_zone() -> None:
    """Each minute of a changed day belongs to the half hour that the clock shows."""
    for names, zone, changes in groups():
        for moment, _, _ in changes[:2]:
            walls = _walls(zone, moment)
            read = [
                (wall.date(), (wall.hour * 60 + wall.minute) // 30) for _, wall in walls
            ]
            begin, end = walls[0][0], walls[-1][0] + _MINUTE
            passed = list(half_hours_between(begin, end, zone))
            told = [(each.day, each.of_day) for each in passed]
            # Those that were cut at both ends do not count as passed.
            assert set(told[1:-1]) <= set(read), names
            assert set(read[30:-30]) <= set(told), names
            for at, shown in list(zip(walls, read, strict=True))[::7]:
                found = half_hour_of(at[0], zone)
                assert (found.day, found.of_day) == shown, names
                assert 0 <= found.of_day < HALF_HOURS
