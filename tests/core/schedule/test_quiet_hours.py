"""Quiet hours mean what the clock on the wall says, on every night of the year."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.schedule.night import (
    next_notice,
    night_of,
    notice_of,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours, moment_of

BERLIN = ZoneInfo("Europe/Berlin")
# Put forward at 02:00 on 29 March 2026, and back at 03:00 on 25 October 2026.
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
ZONES = st.sampled_from(
    [
        ZoneInfo(name)
        for name in (
            "UTC",
            "Africa/Casablanca",
            "America/New_York",
            "America/St_Johns",
            "Asia/Kathmandu",
            # Half an hour.
            "Australia/Lord_Howe",
            "Europe/Berlin",
            # Has left out a whole day, in 2011.
            "Pacific/Apia",
        )
    ]
)
MOMENTS = st.datetimes(
    min_value=datetime(2010, 1, 1),
    max_value=datetime(2035, 1, 1),
    timezones=st.just(UTC),
)
MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))
HOURS = st.builds(
    QuietHours,
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    start=MINUTES,
    end=MINUTES,
)
DURATIONS = st.timedeltas(timedelta(minutes=1), timedelta(hours=12))


def wall(zone: ZoneInfo, *at: int, fold: int = 0) -> datetime:
    """Return a moment by the clock on the wall."""
    return datetime(*at, tzinfo=zone, fold=fold).astimezone(UTC)  # type: ignore[arg-type,misc]


def window_of(hours: QuietHours, day: date) -> tuple[datetime, datetime]:
    """Return the window that starts on a day in Berlin."""
    noon = moment_of(day - timedelta(days=1), time(12), BERLIN)
    window = next(hours.windows(noon, BERLIN))
    return window.start, window.end


@given(hours=HOURS, zone=ZONES, moment=MOMENTS)
def test_windows_come_in_order_and_start_as_the_wall_says(
    hours: QuietHours, zone: ZoneInfo, moment: datetime
) -> None:
    """They start on a day that was chosen, and end after the moment."""
    windows = list(islice(hours.windows(moment, zone), 5))
    assert windows[0].end > moment
    for window in windows:
        assert window.start < window.end
        assert window.start.tzinfo is UTC
        local = window.start.astimezone(zone)
        if local.time() != hours.start:
            # The wall never showed that time: it is where it was put forward.
            before = (window.start - timedelta(seconds=1)).astimezone(zone)
            assert local.utcoffset() != before.utcoffset()
        assert local.weekday() in hours.weekdays or local.time() != hours.start
    for earlier, later in pairwise(windows):
        assert earlier.start < later.start


@given(hours=HOURS, zone=ZONES, moment=MOMENTS)
def test_a_moment_is_quiet_exactly_within_a_window(
    hours: QuietHours, zone: ZoneInfo, moment: datetime
) -> None:
    """The start belongs to it, the end does not."""
    window = hours.window_at(moment, zone)
    following = next(hours.windows(moment, zone))
    if window is None:
        assert following.start > moment
    else:
        assert window.start <= moment < window.end
    assert hours.window_at(following.start, zone) is not None
    if hours.start != hours.end:
        at_end = hours.window_at(following.end, zone)
        assert at_end is None or at_end != following


@given(hours=HOURS, zone=ZONES, moment=MOMENTS, duration=DURATIONS)
def test_what_starts_fits(
    hours: QuietHours, zone: ZoneInfo, moment: datetime, duration: timedelta
) -> None:
    """It never overruns a window, and never waits longer than it must."""
    start = hours.first_fit(moment, zone, duration)
    if start is None:
        for window in islice(hours.windows(moment, zone), 8):
            assert max(window.start, moment) + duration > window.end
        return
    assert start >= moment
    fitting = hours.window_at(start, zone)
    assert fitting is not None
    assert start + duration <= fitting.end
    for earlier in hours.windows(moment, zone):
        if earlier.start >= fitting.start:
            break
        assert max(earlier.start, moment) + duration > earlier.end


@pytest.mark.parametrize(
    ("start", "end", "day", "begins", "ends"),
    [
        # An hour less, an hour more.
        (time(1), time(5), SPRING, (2026, 3, 29, 0, 0), (2026, 3, 29, 3, 0)),
        (time(1), time(5), AUTUMN, (2026, 10, 24, 23, 0), (2026, 10, 25, 4, 0)),
        # The start is in the gap: the clock shows 03:00 instead.
        (time(2, 30), time(5), SPRING, (2026, 3, 29, 1, 0), (2026, 3, 29, 3, 0)),
        # The end is in the gap.
        (time(1), time(2, 30), SPRING, (2026, 3, 29, 0, 0), (2026, 3, 29, 1, 0)),
        # The start comes twice: the first one counts.
        (time(2, 30), time(5), AUTUMN, (2026, 10, 25, 0, 30), (2026, 10, 25, 4, 0)),
        # The end comes twice: the second one counts.
        (time(1), time(2, 30), AUTUMN, (2026, 10, 24, 23, 0), (2026, 10, 25, 1, 30)),
        # Across midnight, into both nights.
        (
            time(23),
            time(4),
            SPRING - timedelta(days=1),
            (2026, 3, 28, 22, 0),
            (2026, 3, 29, 2, 0),
        ),
        (
            time(23),
            time(4),
            AUTUMN - timedelta(days=1),
            (2026, 10, 24, 21, 0),
            (2026, 10, 25, 3, 0),
        ),
        # The whole day.
        (time(0), time(0), SPRING, (2026, 3, 28, 23, 0), (2026, 3, 29, 22, 0)),
    ],
)
def test_both_nights_of_a_clock_change(
    start: time,
    end: time,
    day: date,
    begins: tuple[int, ...],
    ends: tuple[int, ...],
) -> None:
    """In UTC, by hand."""
    hours = QuietHours(weekdays=frozenset({day.weekday()}), start=start, end=end)
    utc = ZoneInfo("UTC")
    assert window_of(hours, day) == (wall(utc, *begins), wall(utc, *ends))


@pytest.mark.parametrize(
    ("zone", "start", "end", "day", "expected"),
    [
        # Half an hour forward: 02:00 is followed by 02:30, at +10:30 before.
        (
            "Australia/Lord_Howe",
            time(2, 10),
            time(5),
            date(2026, 10, 4),
            ((2026, 10, 3, 15, 30), (2026, 10, 3, 18, 0)),
        ),
        # Half an hour back: 01:30 to 02:00 comes twice.
        (
            "Australia/Lord_Howe",
            time(1, 40),
            time(1, 50),
            date(2026, 4, 5),
            ((2026, 4, 4, 14, 40), (2026, 4, 4, 15, 20)),
        ),
        (
            "America/New_York",
            time(2, 30),
            time(5),
            date(2026, 3, 8),
            ((2026, 3, 8, 7, 0), (2026, 3, 8, 9, 0)),
        ),
        (
            "America/New_York",
            time(23),
            time(1, 30),
            date(2026, 10, 31),
            ((2026, 11, 1, 3, 0), (2026, 11, 1, 6, 30)),
        ),
        # Ramadan begins: the clocks go back from +01 to +00 at 03:00.
        (
            "Africa/Casablanca",
            time(2),
            time(5),
            date(2026, 2, 15),
            ((2026, 2, 15, 1, 0), (2026, 2, 15, 5, 0)),
        ),
        # Never a change, but a quarter of an hour.
        (
            "Asia/Kathmandu",
            time(2),
            time(5),
            date(2026, 3, 29),
            ((2026, 3, 28, 20, 15), (2026, 3, 28, 23, 15)),
        ),
        # There was no 30 December: the night before goes on into the 31st.
        (
            "Pacific/Apia",
            time(23),
            time(4),
            date(2011, 12, 29),
            ((2011, 12, 30, 9, 0), (2011, 12, 30, 10, 0)),
        ),
    ],
)
def test_clock_changes_of_other_places(
    zone: str,
    start: time,
    end: time,
    day: date,
    expected: tuple[tuple[int, ...], tuple[int, ...]],
) -> None:
    """In UTC, by hand."""
    there, utc = ZoneInfo(zone), ZoneInfo("UTC")
    hours = QuietHours(weekdays=frozenset({day.weekday()}), start=start, end=end)
    window = next(hours.windows(moment_of(day, time(0), there), there))
    assert (window.start, window.end) == tuple(
        wall(utc, *moment) for moment in expected
    )


@pytest.mark.parametrize("end", [time(2, 30), time(2, 15)])
def test_where_windows_overlap_the_later_one_counts(end: time) -> None:
    """What was found to fit into it ends before it does."""
    hours = QuietHours(start=time(2, 30), end=end)
    duration = timedelta(hours=2)
    start = hours.first_fit(wall(BERLIN, 2026, 10, 25, 2, 15), BERLIN, duration)
    assert start == wall(BERLIN, 2026, 10, 25, 2, 30)
    window = hours.window_at(start, BERLIN)
    assert window is not None
    assert start + duration <= window.end


def test_what_fits_exactly_is_not_put_off() -> None:
    """A second more is, to a night that is long enough."""
    hours = QuietHours(weekdays=frozenset({SPRING.weekday()}), start=time(1))
    after = wall(BERLIN, 2026, 3, 28, 12)
    exactly = timedelta(hours=3)
    assert hours.first_fit(after, BERLIN, exactly) == wall(BERLIN, 2026, 3, 29, 1)
    start = hours.first_fit(after, BERLIN, exactly + timedelta(seconds=1))
    assert start == wall(BERLIN, 2026, 4, 5, 1)
    assert hours.first_fit(after, BERLIN, timedelta(hours=4, seconds=1)) is None


def test_a_window_that_lies_in_the_gap_is_left_out() -> None:
    """That night there is no such time."""
    hours = QuietHours(start=time(2, 10), end=time(2, 50))
    noon = moment_of(SPRING - timedelta(days=1), time(12), BERLIN)
    window = next(hours.windows(noon, BERLIN))
    assert window.start == wall(BERLIN, 2026, 3, 30, 2, 10)


def test_a_window_across_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    """Friday night reaches into Saturday."""
    hours = QuietHours(weekdays=frozenset({4}), start=time(22), end=time(6))
    assert hours.window_at(wall(BERLIN, 2026, 11, 28, 5, 59), BERLIN) is not None
    assert hours.window_at(wall(BERLIN, 2026, 11, 28, 6, 0), BERLIN) is None
    assert hours.window_at(wall(BERLIN, 2026, 11, 28, 23, 0), BERLIN) is None


def test_without_a_day_nothing_is_ever_quiet() -> None:
    """And nobody waits for it for ever."""
    hours = QuietHours(weekdays=frozenset())
    now = wall(BERLIN, 2026, 11, 24, 3)
    assert list(hours.windows(now, BERLIN)) == []
    assert hours.window_at(now, BERLIN) is None
    assert hours.first_fit(now, BERLIN, timedelta(minutes=1)) is None


@given(hours=HOURS)
def test_they_survive_being_stored(hours: QuietHours) -> None:
    """To the minute."""
    assert QuietHours.from_dict(hours.to_dict()) == hours


@pytest.mark.parametrize(
    "raw",
    [
        {},
        None,
        {"weekdays": [7], "start": "02:00:00", "end": "05:00:00"},
        {"weekdays": [True], "start": "02:00:00", "end": "05:00:00"},
        {"weekdays": ["1"], "start": "02:00:00", "end": "05:00:00"},
        {"weekdays": [1], "start": "25:00", "end": "05:00:00"},
        {"weekdays": [1], "start": 2, "end": "05:00:00"},
        {"weekdays": 5, "start": "02:00:00", "end": "05:00:00"},
    ],
)
def test_anything_else_is_refused(raw: Any) -> None:
    """Rather no quiet hours than wrong ones."""
    with pytest.raises(ValueError, match="Not quiet hours"):
        QuietHours.from_dict(raw)


# Nights.


@given(zone=ZONES, moment=MOMENTS)
def test_a_night_goes_from_noon_to_noon(zone: ZoneInfo, moment: datetime) -> None:
    """So that one across midnight is one."""
    local = moment.astimezone(zone)
    night = night_of(moment, zone)
    assert night == (local.date() if local.hour >= 12 else local.date() - timedelta(1))


@given(zone=ZONES, moment=MOMENTS, at=MINUTES)
def test_the_next_notice_comes_within_a_day_or_so(
    zone: ZoneInfo, moment: datetime, at: time
) -> None:
    """And is never in the past."""
    notice = next_notice(moment, at, zone)
    assert timedelta() <= notice - moment <= timedelta(days=2, hours=1)
    assert notice == notice_of(night_of(notice, zone), at, zone) or (
        notice.astimezone(zone).time() != at
    )


def test_a_notice_in_the_small_hours_belongs_to_the_night_before() -> None:
    """It is the same night."""
    night = date(2026, 11, 24)
    assert notice_of(night, time(20), BERLIN) == wall(BERLIN, 2026, 11, 24, 20)
    assert notice_of(night, time(1), BERLIN) == wall(BERLIN, 2026, 11, 25, 1)
