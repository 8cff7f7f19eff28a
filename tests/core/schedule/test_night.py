"""Nights, which go from noon to noon."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st

from custom_components.nightlatch.core.moments import EARLIEST, LATEST
from custom_components.nightlatch.core.schedule.night import night_of, noon_of

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York")]


@given(
    moment=st.datetimes(
        min_value=datetime(1970, 1, 1),
        max_value=datetime(2100, 1, 1),
        timezones=st.just(UTC),
    ),
    zone=st.sampled_from(ZONES),
)
def test_a_night_is_what_lies_between_two_noons(
    moment: datetime, zone: ZoneInfo
) -> None:
    """The first belongs to it, the second does not, also when the clocks change."""
    night = night_of(moment, zone)
    following = noon_of(night + timedelta(days=1), zone)
    assert noon_of(night, zone) <= moment < following
    assert night_of(noon_of(night, zone), zone) == night
    assert night_of(following - timedelta(seconds=1), zone) == night


def test_there_is_a_noon_at_the_ends_of_the_calendar() -> None:
    """Whatever somebody has written down."""
    for zone in ZONES:
        for moment in (EARLIEST, LATEST):
            assert noon_of(night_of(moment, zone), zone) <= moment
        assert noon_of(date.min, zone) <= EARLIEST
        assert noon_of(date.max, zone) >= LATEST
