"""Which time of a clock is believed, where what time takes away cannot be had back."""

from datetime import UTC, datetime, timedelta
import json

from hypothesis import given, strategies as st

from custom_components.nightlatch.core.records.clock_record import (
    LONGEST_GAP,
    STANDS_FOR,
    ClockRecord,
)

NOW = datetime(2026, 11, 30, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
BELIEVED = ClockRecord(since=NOW - STANDS_FOR, seen=NOW, believed=NOW)


def went_on(record: ClockRecord, hours: int, shown: timedelta) -> ClockRecord:
    """Return it after some hours, in which the clock shows as much more than it should."""
    begin = NOW + shown
    for each in range(hours):
        record = record.looked(begin + HOUR * each, steady=each > 0 or not shown)
    return record


@given(hours=st.integers(1, 71), years=st.integers(-1, 40))
def test_a_clock_that_was_put_elsewhere_is_not_believed_for_days(
    hours: int, years: int
) -> None:
    """However far, and right again or not: what was believed before stays."""
    off = timedelta(days=365 * years + 40)
    wrong = went_on(BELIEVED, hours, off)
    assert wrong.believed == NOW
    right = wrong.looked(NOW + HOUR * hours, steady=False)
    assert right.believed == NOW
    later = right
    for each in range(80):
        later = later.looked(NOW + HOUR * (hours + each), steady=True)
    assert later.believed == NOW + HOUR * (hours + 79)


@given(gap=st.integers(0, 60 * 24 * 30))
def test_a_restart_is_stepped_over_only_if_it_was_a_short_one(gap: int) -> None:
    """Nobody looked meanwhile, so nobody knows how long it was."""
    away = timedelta(minutes=gap)
    after = BELIEVED.looked(NOW + away, steady=True)
    assert (after.believed == NOW + away) is (away <= LONGEST_GAP)


def test_a_clock_that_is_not_set_yet_says_nothing() -> None:
    """Nor does it begin anything anew."""
    assert BELIEVED.looked(datetime(1970, 1, 1, tzinfo=UTC), steady=False) == BELIEVED


def test_what_stands_for_days_is_believed() -> None:
    """Also where nothing was known before."""
    record = ClockRecord(since=NOW, seen=NOW)
    for each in range(1, 73):
        assert record.believed is None
        record = record.looked(NOW + HOUR * each, steady=True)
    assert record.believed == NOW + STANDS_FOR


def test_it_is_kept() -> None:
    """With what is believed, and without."""
    begun = ClockRecord(since=NOW, seen=NOW, begun=NOW - HOUR, ran=3600.5)
    for record in (BELIEVED, ClockRecord(since=NOW, seen=NOW), begun):
        assert ClockRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


@given(on=st.integers(1, 60), off=st.integers(49, 24 * 60), drift=st.integers(-59, 59))
def test_a_house_that_is_never_on_for_days_believes_in_the_end(
    on: int, off: int, drift: int
) -> None:
    """What it is on for counts together, however long it is off."""
    record, now = ClockRecord(since=NOW, seen=NOW), NOW
    ran, first = 0, {}
    for _ in range(2 * 72 // on + 3):
        for each in range(on + 1):
            record = record.looked(now, steady=True, ran=3600.0 if each else 0.0)
            ran += bool(each)
            first[now] = ran
            now += HOUR
        now += HOUR * off + timedelta(minutes=drift)
    assert record.believed is not None
    # For as long it has run on since, and not much longer.
    assert 72 <= ran - first[record.believed] <= 2 * 72 + on


@given(hours=st.integers(1, 71), years=st.integers(1, 40))
def test_what_it_has_gone_back_behind_is_never_believed(hours: int, years: int) -> None:
    """A clock that was ahead for less than what counts, however often it begins."""
    record = ClockRecord(since=NOW, seen=NOW)
    wrong = NOW + timedelta(days=365 * years)
    for each in range(hours):
        record = record.looked(wrong + HOUR * each, steady=each > 0, ran=3600.0)
    for each in range(200):
        record = record.looked(NOW + HOUR * each, steady=each > 0, ran=3600.0)
        assert record.believed is None or record.believed <= NOW + HOUR * each
