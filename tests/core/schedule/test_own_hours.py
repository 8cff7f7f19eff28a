"""A lock gets hours of its own only where what was seen of its door leaves no doubt."""

from datetime import date, timedelta
from math import exp, factorial

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.schedule.door_use import (
    HALF_HOURS,
    WEEKS,
    DoorUse,
    HalfHour,
)
from custom_components.nightlatch.core.schedule.own_hours import others_of, propose_own
from custom_components.nightlatch.core.schedule.proposal import (
    ALLOWED,
    ENOUGH_DAYS,
    lower_bound,
    risk_of,
    surely_met,
    upper_bound,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours

# A Sunday: all weeks that are kept are whole ones.
TODAY = date(2026, 11, 29)
DAY = timedelta(days=1)
EXPECTED = timedelta(minutes=20)
HOURS = QuietHours()
HALF_HOUR = st.builds(
    HalfHour,
    st.integers(0, WEEKS * 7 - 1).map(lambda ago: TODAY - DAY * ago),
    st.integers(0, HALF_HOURS - 1),
)
USES = st.builds(
    lambda seen, used: DoorUse().at(TODAY).noting(seen, used),
    st.lists(HALF_HOUR, max_size=20),
    st.lists(HALF_HOUR, max_size=20),
)


def door(days: int, used_on: int, *of_day: int) -> DoorUse:
    """Return a door that was watched for some days, and used on some in half hours."""
    return (
        DoorUse()
        .at(TODAY)
        .noting(
            watched=[
                HalfHour(TODAY - DAY * ago, each)
                for ago in range(days)
                for each in range(HALF_HOURS)
            ],
            used=[
                HalfHour(TODAY - DAY * ago, each)
                for ago in range(used_on)
                for each in of_day
            ],
        )
    )


@pytest.mark.parametrize("used", range(1, 40))
def test_the_lower_bound_is_what_rarely_is_too_high(used: int) -> None:
    """By Poisson: so much or more is seen one time out of twenty if that is the rate."""
    bound = lower_bound(used, 1)
    fewer = sum(exp(-bound) * bound**each / factorial(each) for each in range(used))
    # Of one alone it says less than it could, which is no harm.
    assert 0.035 < 1 - fewer < 0.055
    assert lower_bound(used, 2) == pytest.approx(bound / 2)


@given(
    used=st.floats(0, 1000, allow_subnormal=False),
    more=st.floats(0, 10),
    watched=st.floats(0.01, 1000),
)
def test_the_bounds_lie_around_what_was_seen(
    used: float, more: float, watched: float
) -> None:
    """Whatever that was; what was not watched is never sure."""
    low, high = lower_bound(used, watched), upper_bound(used, watched)
    assert 0 <= low <= used / watched <= high
    assert lower_bound(used + more, watched) >= low
    assert lower_bound(used, 0) == lower_bound(0, watched) == 0


@given(uses=st.lists(USES, max_size=6))
def test_the_others_are_all_but_one(uses: list[DoorUse]) -> None:
    """However many there are."""
    others = others_of(uses)
    assert len(others) == len(uses)
    for index, found in enumerate(others):
        joined = DoorUse().at(TODAY)
        for each in (*uses[:index], *uses[index + 1 :]):
            joined = joined.joined(each)
        assert found.at(TODAY) == joined


@given(use=USES)
def test_at_the_least_is_never_more_than_at_the_most(use: DoorUse) -> None:
    """Of any door, in any hours that were seen or not."""
    most = risk_of(use, HOURS, EXPECTED)
    assert most is not None
    assert 0 <= surely_met(use, HOURS, EXPECTED) <= most
    assert surely_met(use, QuietHours(weekdays=frozenset()), EXPECTED) == 0


def test_a_door_that_is_used_in_the_night_gets_hours_without_it() -> None:
    """Its own; the others, which are quiet, get none."""
    busy, quiet = door(30, 30, 4, 5, 6), door(30, 0)
    own = propose_own(busy, quiet, HOURS, EXPECTED, ALLOWED)
    assert own is not None
    assert own.risk is not None
    assert own.risk < surely_met(busy, HOURS, EXPECTED)
    begin = own.hours.start.hour * 2 + own.hours.start.minute // 30
    end = own.hours.end.hour * 2 + own.hours.end.minute // 30
    inside = {
        each % HALF_HOURS for each in range(begin, end + HALF_HOURS * (end < begin))
    }
    assert not inside & {4, 5, 6}
    assert propose_own(quiet, busy, HOURS, EXPECTED, ALLOWED) is None


@pytest.mark.parametrize(
    ("use", "others"),
    [
        # Too little was seen: of it, of the others, or nothing of either.
        (door(ENOUGH_DAYS - 1, 13, 4, 5, 6), door(30, 0)),
        (door(30, 30, 4, 5, 6), door(ENOUGH_DAYS - 1, 0)),
        (DoorUse(), DoorUse()),
        # Used once, by which nobody knows.
        (door(30, 1, 4), door(30, 0)),
        # As the others are.
        (door(30, 30, 4, 5, 6), door(30, 30, 4, 5, 6)),
        # Used in all hours that there are.
        (door(30, 30, *range(HALF_HOURS)), door(30, 0)),
    ],
)
def test_where_there_is_doubt_nothing_is_suggested(
    use: DoorUse, others: DoorUse
) -> None:
    """The hours of the household do."""
    assert propose_own(use, others, HOURS, EXPECTED, ALLOWED) is None


@given(use=USES, others=USES)
def test_what_is_suggested_is_surely_better(use: DoorUse, others: DoorUse) -> None:
    """For any two doors, of which enough was seen."""
    watched = door(30, 0)
    use, others = use.joined(watched), others.joined(watched)
    own = propose_own(use, others, HOURS, EXPECTED, ALLOWED)
    if own is not None:
        assert own.learned
        assert own.risk is not None
        assert own.risk < surely_met(use, HOURS, EXPECTED)
