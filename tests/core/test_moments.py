"""Computing with moments never fails, whatever moment it is, in whatever zone."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.moments import (
    EARLIEST,
    FURTHEST,
    LATEST,
    TOLERANCE,
    ClockWatch,
    age,
    bounded,
    can_have_been,
    is_ahead,
    is_over,
    is_past,
    is_set,
    is_too_far,
    shifted,
)
from custom_components.nightlatch.core.records.stored import as_chosen_time

ZONES: list[tzinfo] = [
    UTC,
    *map(
        ZoneInfo,
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin", "Africa/Monrovia"),
    ),
]
# Every moment that Python knows, with each of the zones.
EVER = st.datetimes(timezones=st.sampled_from(ZONES)) | st.builds(
    datetime.replace,
    st.sampled_from([datetime.min, datetime.max]),
    tzinfo=st.sampled_from(ZONES),
)
NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@given(EVER, st.timedeltas(), EVER)
def test_nothing_that_is_computed_with_moments_fails(
    moment: datetime, by: timedelta, now: datetime
) -> None:
    """What comes out lies where there is room for more, and in UTC."""
    for found in (bounded(moment), shifted(moment, by)):
        assert EARLIEST <= found <= LATEST
        assert found.tzinfo is UTC
    if EARLIEST + DAY < bounded(moment) < LATEST - DAY:
        assert bounded(moment) == moment
    assert (known := age(moment, now)) is None or known >= timedelta()
    assert is_ahead(moment, now) == (known is None)
    for says in (can_have_been, is_past, is_too_far):
        assert says(moment, now) in {True, False}
    assert is_over(moment, by, now) in {True, False}
    assert not (is_past(moment, now) and is_too_far(moment, now))


@given(EVER)
def test_any_moment_that_was_chosen_can_be_read(moment: datetime) -> None:
    """In whatever zone it was written, at either end of the calendar."""
    read = as_chosen_time(moment.isoformat())
    assert read.tzinfo is UTC
    assert bounded(read) == bounded(moment)


def test_what_comes_later_has_not_been() -> None:
    """But for a clock that was put back a little."""
    assert not is_ahead(NOW + TOLERANCE, NOW)
    assert is_ahead(NOW + TOLERANCE + DAY, NOW)
    assert age(NOW - DAY, NOW) == DAY
    assert age(NOW + TOLERANCE, NOW) == timedelta()
    assert age(NOW + DAY, NOW) is None


@pytest.mark.parametrize("year", [1970, 2000, 2025])
def test_a_clock_that_was_not_set_dates_nothing(year: int) -> None:
    """Nothing of all this was there in such a year."""
    then = NOW.replace(year=year)
    assert not is_set(then)
    assert not can_have_been(then, NOW)
    assert is_set(NOW)
    assert can_have_been(NOW, NOW)


def test_a_pause_that_has_not_begun_is_over() -> None:
    """It was written by a clock that was ahead; nobody waits for years."""
    assert not is_over(NOW, DAY, NOW)
    assert not is_over(NOW - DAY + TOLERANCE, DAY, NOW)
    assert is_over(NOW - DAY, DAY, NOW)
    assert is_over(NOW.replace(year=2036), DAY, NOW)


def test_people_decide_from_now_until_two_years_ahead() -> None:
    """With a little room for their clocks."""
    assert not is_past(NOW - TOLERANCE, NOW)
    assert is_past(NOW - TOLERANCE - DAY, NOW)
    assert not is_too_far(NOW + FURTHEST, NOW)
    assert is_too_far(NOW + FURTHEST + DAY, NOW)


INSTANT = timedelta(microseconds=1)
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_limits_belong_to_what_is_possible() -> None:
    """And the first instant beyond them does not."""
    assert is_ahead(NOW + TOLERANCE + INSTANT, NOW)
    assert can_have_been(NOW + TOLERANCE, NOW)
    assert not can_have_been(NOW + TOLERANCE + INSTANT, NOW)
    for says in (is_set, lambda moment: can_have_been(moment, NOW)):
        assert says(WRITTEN)
        assert not says(WRITTEN - INSTANT)
    assert not is_over(NOW - DAY + INSTANT, DAY, NOW)
    assert is_past(NOW - TOLERANCE - INSTANT, NOW)
    assert not is_too_far(NOW + FURTHEST + TOLERANCE, NOW)
    assert is_too_far(NOW + FURTHEST + TOLERANCE + INSTANT, NOW)


def test_what_lies_beyond_the_bounds_is_the_nearest_that_does_not() -> None:
    """In either direction; what lies within stays what it is."""
    assert bounded(EARLIEST.replace(month=6)) == EARLIEST.replace(month=6)
    assert bounded(EARLIEST - INSTANT) == EARLIEST
    assert bounded(LATEST - INSTANT) == LATEST - INSTANT
    assert bounded(LATEST + INSTANT) == LATEST
    # Where the calendar is there already, and the moment is not.
    far_east = ZoneInfo("Pacific/Kiritimati")
    assert bounded((LATEST - INSTANT).astimezone(far_east)) == LATEST - INSTANT
    assert shifted(NOW, DAY) == NOW + DAY
    assert shifted(NOW, -DAY) == NOW - DAY
    assert shifted(NOW, timedelta.max) == shifted(LATEST, DAY) == LATEST
    assert shifted(NOW, timedelta.min) == shifted(EARLIEST, -DAY) == EARLIEST


def test_a_clock_that_is_put_ahead_is_noticed_once() -> None:
    """Not one that goes on, is corrected a little, or is put back."""
    watch = ClockWatch(NOW, 100.0)
    assert not watch.was_put_ahead(NOW + timedelta(minutes=1), 160.0)
    assert not watch.was_put_ahead(NOW + timedelta(minutes=1) + TOLERANCE, 160.0)
    assert watch.was_put_ahead(NOW + DAY, 220.0)
    assert not watch.was_put_ahead(NOW + DAY + timedelta(minutes=1), 280.0)
    assert not watch.was_put_ahead(NOW, 340.0)
    assert watch.was_put_ahead(NOW + TOLERANCE + INSTANT, 340.0)
