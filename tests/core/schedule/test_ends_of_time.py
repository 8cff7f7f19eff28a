"""When something may run can be asked at any moment, with any moments saved."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.model import OutcomeKind
from custom_components.nightlatch.core.moments import EARLIEST, LATEST, is_ahead
from custom_components.nightlatch.core.records.decisions import Consent, Decisions
from custom_components.nightlatch.core.schedule.duration import (
    ENOUGH,
    expected_duration,
)
from custom_components.nightlatch.core.schedule.night import (
    next_notice,
    night_of,
    notice_of,
)
from custom_components.nightlatch.core.schedule.plan import Planning, Tonight, make_plan
from custom_components.nightlatch.core.schedule.policy import (
    HouseholdPolicy,
    LockPolicy,
    Mode,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours, moment_of
from custom_components.nightlatch.core.schedule.retries import Retry, retry
from custom_components.nightlatch.core.schedule.soak import soak_ends
from tests.core.test_moments import EVER, ZONES

from .releases import NOW, SHA256, outcome, release

DAY = timedelta(days=1)
AHEAD = NOW.replace(year=2036)
TIMES = st.times(timezones=st.none())
HOURS = st.builds(
    QuietHours,
    weekdays=st.frozensets(st.integers(0, 6)),
    start=TIMES,
    end=TIMES,
)
WITHIN = (EARLIEST - 400 * DAY, LATEST + 400 * DAY)


@given(
    moment=EVER,
    zone=st.sampled_from(ZONES),
    at=TIMES,
    hours=HOURS,
    lasts=st.timedeltas(min_value=timedelta()),
    day=st.dates(),
)
def test_nights_and_quiet_hours_have_no_end(
    *,
    moment: datetime,
    zone: tzinfo,
    at: time,
    hours: QuietHours,
    lasts: timedelta,
    day: date,
) -> None:
    """At both ends of the calendar, in every zone."""
    night = night_of(moment, zone)
    assert WITHIN[0] < notice_of(night, at, zone) < WITHIN[1]
    for each in (day, date.min, date.max):
        assert WITHIN[0] < notice_of(each, at, zone) < WITHIN[1]
        assert WITHIN[0] < moment_of(each, at, zone) < WITHIN[1]
    assert WITHIN[0] < next_notice(moment, at, zone) < WITHIN[1]
    hours.window_at(moment, zone)
    fits = hours.first_fit(moment, zone, lasts)
    assert fits is None or WITHIN[0] < fits < WITHIN[1]


@given(
    now=EVER,
    zone=st.sampled_from(ZONES),
    postponed=st.none() | EVER,
    scheduled=st.none() | EVER,
    seen=st.none() | EVER,
    tried=st.none() | EVER,
    announced=st.booleans(),
    soak_days=st.integers(0, 365),
)
def test_there_is_a_plan_whatever_was_saved(
    *,
    now: datetime,
    zone: tzinfo,
    postponed: datetime | None,
    scheduled: datetime | None,
    seen: datetime | None,
    tried: datetime | None,
    announced: bool,
    soak_days: int,
) -> None:
    """And nothing is said to begin when nothing can any more."""
    now = now.astimezone(UTC) if EARLIEST < now < LATEST else now.replace(tzinfo=UTC)
    failed = [] if tried is None else [outcome(started=tried, ended=tried)]
    plan = make_plan(
        Planning(
            now=now,
            zone=zone,
            release=release(),
            expected=timedelta(minutes=10),
            policy=LockPolicy(
                mode=Mode.AUTOMATIC,
                consent=Consent(user_id=None, user_name=None, at=NOW),
            ),
            household=HouseholdPolicy(soak_days=soak_days),
            decisions=Decisions(
                postponed_until=postponed,
                scheduled_at=scheduled,
                first_seen={} if seen is None else {SHA256: seen},
            ),
            retry=retry(failed, SHA256, "here", now),
            tonight=Tonight(failed="Back door", entry_door="Back door"),
            announced=announced,
        )
    )
    assert plan.starts_at is not None
    if EARLIEST < now < LATEST:
        assert plan.starts_at >= now
        later = postponed is not None and is_ahead(postponed, now)
        assert plan.waiting is not None or scheduled is not None or not later


@pytest.mark.parametrize("told", [float("inf"), float("nan"), 1e300, -1e300, 10**400])
def test_an_installation_takes_some_time_whatever_was_kept(told: float) -> None:
    """What no clock has measured is longer than any night, or takes none."""
    lasts = expected_duration(release(), [told] * ENOUGH)
    assert timedelta() < lasts < 3 * DAY
    assert expected_duration(release(expected_duration=10**400), []) > DAY


# A clock that was ahead, or that was not set.


@pytest.mark.parametrize("seen", [AHEAD, NOW.replace(year=1970), None])
def test_a_soak_that_began_nobody_knows_when_begins_now(seen: datetime | None) -> None:
    """Neither is it over, nor does it last for years."""
    assert soak_ends(release(), seen, 3, NOW) == NOW + 3 * DAY


def test_what_failed_in_years_to_come_is_tried_again_soon() -> None:
    """Not at once: it may have failed a moment ago."""
    history = [outcome(started=AHEAD, ended=AHEAD, kind=OutcomeKind.FAILED)]
    assert retry(history, SHA256, "here", NOW) == Retry(at=NOW + DAY)


def test_a_clock_that_is_not_set_ends_no_soak() -> None:
    """What is on record is then in years to come."""
    booted = NOW.replace(year=1970)
    assert soak_ends(release(), NOW - 9 * DAY, 3, booted) > booted
    plan_waits = retry([outcome()], SHA256, "here", booted)
    assert plan_waits.at is not None
    assert plan_waits.at > booted
