"""Until when a plan stands: until then the same one would be made, and not for ever."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.records.decisions import Decisions, Override
from custom_components.nightlatch.core.schedule.lasting import stands_until
from custom_components.nightlatch.core.schedule.plan import (
    Planning,
    Tonight,
    Waiting,
    make_plan,
)
from custom_components.nightlatch.core.schedule.policy import (
    HouseholdPolicy,
    Importance,
)
from custom_components.nightlatch.core.schedule.retries import Retry

from .releases import NOW, SHA256
from .test_plan import APPROVAL, AT_NIGHT, AUTOMATIC, DAY, SEEN, TONIGHT, planning

HOUR = timedelta(hours=1)
MOMENTS = st.none() | st.integers(-3000, 6000).map(
    lambda minutes: NOW + timedelta(minutes=minutes)
)


def until(of: Planning) -> datetime:
    """Return until when its plan stands."""
    return stands_until(of, make_plan(of))


@given(
    now=st.integers(0, 60 * 48).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    later=st.floats(0, 1, exclude_max=True),
    zone=st.sampled_from([UTC, ZoneInfo("Europe/Amsterdam"), ZoneInfo("Asia/Kolkata")]),
    postponed=MOMENTS,
    chosen=MOMENTS,
    seen=MOMENTS,
    approved=MOMENTS,
    overrides=st.booleans(),
    retry_at=MOMENTS,
    failed=st.booleans(),
    entry_door=st.booleans(),
    gate_open=st.booleans(),
    announced=st.booleans(),
    notice_at=st.sampled_from([time(20), time(7), time(12)]),
    mode=st.booleans(),
)
def test_the_same_plan_would_be_made_until_then(  # noqa: PLR0917
    now: datetime,
    later: float,
    zone: ZoneInfo,
    postponed: datetime | None,
    chosen: datetime | None,
    seen: datetime | None,
    approved: datetime | None,
    overrides: bool,
    retry_at: datetime | None,
    failed: bool,
    entry_door: bool,
    gate_open: bool,
    announced: bool,
    notice_at: time,
    mode: bool,
) -> None:
    """Whatever it waits for."""
    of = planning(
        now=now,
        zone=zone,
        policy=replace(AUTOMATIC, importance=Importance.ENTRY)
        if mode
        else replace(AUTOMATIC, consent=None),
        household=HouseholdPolicy(notice_at=notice_at),
        decisions=Decisions(
            first_seen={} if seen is None else {SHA256: seen},
            postponed_until=postponed,
            scheduled_at=chosen,
            approval=None
            if approved is None
            else replace(
                APPROVAL,
                at=approved,
                overrides=frozenset({Override.SOAK}) if overrides else frozenset(),
            ),
        ),
        retry=Retry(at=retry_at),
        tonight=Tonight(
            failed="Shed" if failed else None,
            entry_door="Front door" if entry_door else None,
            gate_open=gate_open,
        ),
        announced=announced,
    )
    plan, end = make_plan(of), until(of)
    assert now <= end <= now + DAY + HOUR
    assert make_plan(replace(of, now=now + (end - now) * later)) == plan


@pytest.mark.parametrize(
    ("of", "end"),
    [
        (planning(decisions=SEEN), TONIGHT),
        (planning(now=AT_NIGHT), AT_NIGHT),
        (planning(decisions=Decisions()), NOW),
        (
            planning(decisions=replace(SEEN, scheduled_at=NOW + HOUR)),
            NOW + HOUR,
        ),
        (
            planning(decisions=replace(SEEN, postponed_until=NOW + 2 * HOUR)),
            NOW + 2 * HOUR,
        ),
        (planning(announced=False), NOW.replace(hour=20)),
        (planning(release=None), NOW + DAY),
    ],
    ids=["night", "due", "never_seen", "chosen", "postponed", "notice", "nothing"],
)
def test_it_stands_no_longer_than_what_it_waits_for(
    of: Planning, end: datetime
) -> None:
    """And no shorter: nobody plans each minute what the night will bring."""
    assert until(of) == end


def test_what_fits_into_no_quiet_hours_is_looked_at_each_minute() -> None:
    """Nobody knows until when that is so."""
    of = planning(expected=2 * DAY)
    assert make_plan(of).waiting is Waiting.NO_QUIET_HOURS
    assert until(of) == NOW
