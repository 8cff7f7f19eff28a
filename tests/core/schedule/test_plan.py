"""When a release would be installed, and what it waits for."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import SourceProblem
from custom_components.nightlatch.core.model import (
    Advisory,
    Halt,
    OutcomeKind,
    Release,
    Severity,
    Transport,
)
from custom_components.nightlatch.core.records.decisions import (
    Approval,
    Consent,
    Decisions,
    Override,
)
from custom_components.nightlatch.core.schedule.duration import (
    SETTLING,
    expected_duration,
)
from custom_components.nightlatch.core.schedule.plan import (
    Planning,
    Tonight,
    Waiting,
    make_plan,
)
from custom_components.nightlatch.core.schedule.policy import (
    ApprovalNeed,
    HouseholdPolicy,
    Importance,
    LockPolicy,
    Mode,
)
from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours
from custom_components.nightlatch.core.schedule.retries import Retry, retry
from custom_components.nightlatch.core.schedule.soak import soak_ends

from .releases import NOW, SHA256, outcome, release

DAY = timedelta(days=1)
TONIGHT = NOW.replace(hour=2) + DAY
"""The next quiet hours; it is noon."""
AT_NIGHT = TONIGHT + timedelta(minutes=5)
AUTOMATIC = LockPolicy(
    mode=Mode.AUTOMATIC, consent=Consent(user_id="1", user_name="Ann", at=NOW)
)
APPROVAL = Approval(
    version="1.1.0", sha256=SHA256, user_id="1", user_name="Ann", at=NOW
)
SEEN = Decisions(first_seen={SHA256: NOW - 30 * DAY})


def planning(**fields: Any) -> Planning:
    """Return a lock that would be updated tonight."""
    return Planning(
        **{
            "now": NOW,
            "zone": UTC,
            "release": release(),
            "expected": timedelta(minutes=10),
            "policy": AUTOMATIC,
            "household": HouseholdPolicy(),
            "decisions": SEEN,
            "retry": Retry(),
            "tonight": Tonight(),
            "announced": True,
            **fields,
        }
    )


def test_it_waits_for_the_next_quiet_hours() -> None:
    """And says when, and until when they last."""
    plan = make_plan(planning())
    assert (plan.starts_at, plan.waiting) == (TONIGHT, Waiting.QUIET_HOURS)
    assert plan.window_end == TONIGHT.replace(hour=5)


def test_in_quiet_hours_nothing_keeps_it() -> None:
    """Not even a minute."""
    plan = make_plan(planning(now=AT_NIGHT))
    assert (plan.starts_at, plan.waiting) == (AT_NIGHT, None)


def test_what_may_start_at_any_moment_has_been_due_since_one_moment() -> None:
    """It is the same at each minute of the night, whatever keeps it from starting."""
    minute = timedelta(minutes=1)
    night = [TONIGHT + at * minute for at in range(170)]
    assert make_plan(planning(now=TONIGHT - minute)).due_since is None
    assert {make_plan(planning(now=now)).due_since for now in night} == {TONIGHT}
    for tonight in (Tonight(gate_open=False), Tonight(held_by="guests")):
        plans = [make_plan(planning(now=now, tonight=tonight)) for now in night]
        assert {plan.due_since for plan in plans} == {TONIGHT}
    # What ended in this night counts from then on.
    until = TONIGHT + 30 * minute
    postponed = replace(SEEN, postponed_until=until)
    plans = [make_plan(planning(now=now, decisions=postponed)) for now in night]
    assert [plan.due_since for plan in plans] == [None] * 30 + [until] * 140
    chosen = replace(SEEN, scheduled_at=TONIGHT, scheduled_for=SHA256)
    plans = [make_plan(planning(now=now, decisions=chosen)) for now in night]
    assert {plan.due_since for plan in plans} == {TONIGHT}
    assert [plan.starts_at for plan in plans] == night


@pytest.mark.parametrize("skipped", ["1.1.0", "1.1.0+0", "v1.1.0", "1.1.0+7"])
def test_a_skip_is_of_the_version_however_a_lock_tells_it(skipped: str) -> None:
    """It may be of what the lock was brought back from, with the number of its build."""
    plan = make_plan(planning(decisions=replace(SEEN, skipped=skipped)))
    assert plan.waiting is Waiting.SKIPPED


@pytest.mark.parametrize("skipped", ["1.0.0", "1.1.1", "1.1.0-rc1", "", "nothing"])
def test_a_skip_is_of_no_other_version(skipped: str) -> None:
    """What is newer or older comes."""
    plan = make_plan(planning(decisions=replace(SEEN, skipped=skipped)))
    assert plan.waiting is Waiting.QUIET_HOURS


def test_a_chosen_time_is_for_the_release_that_somebody_saw() -> None:
    """Who has said "tonight" of one has not said it of what came meanwhile."""
    chosen = replace(SEEN, scheduled_at=NOW - DAY, scheduled_for=SHA256)
    by_hand = replace(AUTOMATIC, mode=Mode.ASK)
    plan = make_plan(planning(policy=by_hand, decisions=chosen))
    assert (plan.starts_at, plan.waiting) == (NOW, None)
    of_another = replace(chosen, scheduled_for="0" * 64)
    plan = make_plan(planning(policy=by_hand, decisions=of_another))
    assert (plan.starts_at, plan.waiting) == (None, Waiting.PERSON)
    plan = make_plan(planning(decisions=of_another))
    assert (plan.starts_at, plan.waiting) == (TONIGHT, Waiting.QUIET_HOURS)
    # What an earlier version has kept names none.
    kept = replace(chosen, scheduled_for=None)
    assert make_plan(planning(policy=by_hand, decisions=kept)).starts_at == NOW


def test_a_stage_does_not_bind_who_has_chosen_a_time() -> None:
    """A person's wish is no stage; what is halted starts at no time."""
    chosen = replace(SEEN, scheduled_at=NOW - DAY, scheduled_for=SHA256)
    plan = make_plan(planning(let_out=False, decisions=chosen))
    assert (plan.starts_at, plan.waiting) == (NOW, None)
    plan = make_plan(planning(release=release(halted=Halt()), decisions=chosen))
    assert (plan.starts_at, plan.waiting) == (None, Waiting.HALTED)


@pytest.mark.parametrize(
    ("fields", "waiting"),
    [
        ({"release": None}, Waiting.NOTHING_OFFERED),
        ({"source": SourceProblem.DISABLED}, Waiting.SOURCE),
        ({"source": SourceProblem.AWAY, "release": None}, Waiting.SOURCE),
        ({"policy": replace(AUTOMATIC, mode=Mode.ASK)}, Waiting.PERSON),
        ({"policy": replace(AUTOMATIC, consent=None)}, Waiting.PERSON),
        (
            {"policy": replace(AUTOMATIC, approval=ApprovalNeed.PERSON)},
            Waiting.APPROVAL,
        ),
        ({"decisions": replace(SEEN, pinned="1.0.0")}, Waiting.PINNED),
        ({"decisions": replace(SEEN, skipped="1.1.0")}, Waiting.SKIPPED),
        ({"household": HouseholdPolicy(paused=True)}, Waiting.PAUSED),
        ({"retry": Retry(gave_up=True)}, Waiting.VENDOR),
        ({"retry": Retry(after_change=True)}, Waiting.CHANGE),
        ({"let_out": False}, Waiting.STAGE),
        # Also what closes a hole, and critical ones too.
        (
            {"let_out": False, "release": release(severity=Severity.CRITICAL)},
            Waiting.STAGE,
        ),
        ({"release": release(halted=Halt())}, Waiting.HALTED),
        (
            {
                "release": release(halted=Halt()),
                "policy": replace(AUTOMATIC, mode=Mode.ASK),
            },
            Waiting.HALTED,
        ),
        # An approval from before it was known counts no more than none.
        (
            {
                "release": release(halted=Halt(feed_gone=True)),
                "policy": replace(AUTOMATIC, approval=ApprovalNeed.PERSON),
                "decisions": replace(SEEN, approval=APPROVAL),
            },
            Waiting.APPROVAL,
        ),
        ({"expected": timedelta(hours=4)}, Waiting.NO_QUIET_HOURS),
    ],
)
def test_some_things_are_waited_for_without_a_time(
    fields: dict[str, Any], waiting: Waiting
) -> None:
    """Nobody knows when they come."""
    plan = make_plan(planning(now=AT_NIGHT, **fields))
    assert (plan.starts_at, plan.waiting) == (None, waiting)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"now": AT_NIGHT},
        {"announced": False},
        {"policy": replace(AUTOMATIC, consent=None)},
        {"decisions": replace(SEEN, scheduled_at=NOW)},
        {"decisions": replace(SEEN, scheduled_at=AT_NIGHT)},
        {"expected": timedelta(hours=4)},
    ],
)
def test_every_plan_says_what_is_installed_and_how_long_it_takes(
    fields: dict[str, Any],
) -> None:
    """Also one that waits for something."""
    wanted = planning(**fields)
    plan = make_plan(wanted)
    assert plan.release == wanted.release
    assert plan.expected == wanted.expected


@pytest.mark.parametrize(
    "fields",
    [
        {"decisions": replace(SEEN, postponed_until=AT_NIGHT)},
        {"decisions": Decisions(first_seen={SHA256: AT_NIGHT - 3 * DAY})},
        {"retry": Retry(at=AT_NIGHT)},
    ],
)
def test_what_was_waited_for_is_over_when_its_time_has_come(
    fields: dict[str, Any],
) -> None:
    """At that very moment, not only behind it."""
    plan = make_plan(planning(now=AT_NIGHT, **fields))
    assert (plan.starts_at, plan.waiting) == (AT_NIGHT, None)


@pytest.mark.parametrize(
    ("fields", "waiting", "starts_at"),
    [
        (
            {"decisions": replace(SEEN, postponed_until=AT_NIGHT + DAY)},
            Waiting.POSTPONED,
            AT_NIGHT + DAY,
        ),
        ({"decisions": Decisions()}, Waiting.SOAK, AT_NIGHT + 3 * DAY),
        (
            {"decisions": Decisions(first_seen={SHA256: AT_NIGHT - DAY})},
            Waiting.SOAK,
            AT_NIGHT + 2 * DAY,
        ),
        ({"retry": Retry(at=AT_NIGHT + DAY)}, Waiting.BACK_OFF, AT_NIGHT + DAY),
        (
            {"let_go_until": AT_NIGHT + timedelta(minutes=10)},
            Waiting.LET_GO,
            AT_NIGHT + timedelta(minutes=10),
        ),
        ({"announced": False}, Waiting.NOTICE, TONIGHT + DAY),
        ({"tonight": Tonight(failed="Shed")}, Waiting.FAILED_TONIGHT, TONIGHT + DAY),
        (
            {"tonight": Tonight(entry_door="Front door")},
            Waiting.ENTRY_DOOR_TONIGHT,
            TONIGHT + DAY,
        ),
    ],
)
def test_some_things_are_over_at_a_time(
    fields: dict[str, Any], waiting: Waiting, starts_at: datetime
) -> None:
    """Then it runs in the quiet hours that come after it."""
    plan = make_plan(planning(now=AT_NIGHT, **fields))
    assert plan.waiting is waiting
    assert plan.starts_at == starts_at


def test_the_first_of_many_reasons_is_told() -> None:
    """What would hold it for longest comes first; each gives way to the next one."""
    fields: dict[str, Any] = {
        "now": AT_NIGHT,
        "release": None,
        "policy": LockPolicy(approval=ApprovalNeed.SECOND_FACTOR),
        "household": HouseholdPolicy(paused=True),
        "decisions": Decisions(pinned="1.0.0", skipped="1.1.0"),
        "retry": Retry(gave_up=True, after_change=True),
        "expected": timedelta(hours=4),
        "tonight": Tonight(failed="Shed", held_by="Guests", gate_open=False),
        "announced": False,
    }
    told: list[Waiting | None] = []
    for given_way in (
        {},
        {"release": release()},
        {"policy": LockPolicy()},
        {"decisions": Decisions(skipped="1.1.0")},
        {"decisions": Decisions()},
        {"policy": AUTOMATIC},
        {"household": HouseholdPolicy()},
        {"retry": Retry(after_change=True)},
        {"retry": Retry()},
        {"expected": timedelta(minutes=10)},
        {"decisions": SEEN},
        {"announced": True},
        {"tonight": Tonight(held_by="Guests", gate_open=False)},
        {"tonight": Tonight(gate_open=False)},
        {"tonight": Tonight()},
    ):
        fields |= given_way
        told.append(make_plan(planning(**fields)).waiting)
    assert told == [
        Waiting.NOTHING_OFFERED,
        Waiting.APPROVAL,
        Waiting.PINNED,
        Waiting.SKIPPED,
        Waiting.PERSON,
        Waiting.PAUSED,
        Waiting.VENDOR,
        Waiting.CHANGE,
        Waiting.NO_QUIET_HOURS,
        Waiting.SOAK,
        Waiting.NOTICE,
        Waiting.FAILED_TONIGHT,
        Waiting.HOLD,
        Waiting.GATE,
        None,
    ]


def test_a_chosen_time_waits_for_a_lock_that_was_let_go_of() -> None:
    """Its maker's app has it; afterwards it is installed at once."""
    chosen = replace(SEEN, scheduled_at=NOW - DAY, scheduled_for=SHA256)
    later = NOW + timedelta(minutes=10)
    plan = make_plan(planning(decisions=chosen, let_go_until=later))
    assert (plan.starts_at, plan.waiting) == (later, Waiting.LET_GO)
    plan = make_plan(planning(now=later, decisions=chosen, let_go_until=later))
    assert (plan.starts_at, plan.waiting) == (later, None)


def test_of_several_times_the_last_one_is_told() -> None:
    """And it starts after all of them."""
    fields: dict[str, Any] = {
        "now": AT_NIGHT,
        "retry": Retry(at=AT_NIGHT + 2 * DAY),
        "tonight": Tonight(failed="Shed", entry_door="Front door"),
    }
    for days, waiting in ((1, Waiting.BACK_OFF), (3, Waiting.POSTPONED)):
        decisions = replace(SEEN, postponed_until=AT_NIGHT + days * DAY)
        plan = make_plan(planning(decisions=decisions, **fields))
        assert plan.waiting is waiting
        assert plan.starts_at == AT_NIGHT + max(days, 2) * DAY


def test_of_two_that_end_at_once_what_a_person_has_said_is_told() -> None:
    """Whoever has put it off knows why it waits."""
    until = AT_NIGHT + 2 * DAY
    decisions = Decisions(postponed_until=until, first_seen={SHA256: until - 3 * DAY})
    plan = make_plan(planning(now=AT_NIGHT, decisions=decisions))
    assert (plan.starts_at, plan.waiting) == (until, Waiting.POSTPONED)


@pytest.mark.parametrize("hours", [8, -10])
@pytest.mark.parametrize(
    "fields",
    [{}, {"announced": False}, {"tonight": Tonight(failed="Shed")}],
    ids=["quiet-hours", "notice", "tomorrow"],
)
def test_nights_are_those_of_the_household(fields: dict[str, Any], hours: int) -> None:
    """By the clock on its wall everything is as in any other place."""
    ahead = timedelta(hours=hours)
    here = make_plan(planning(now=AT_NIGHT, **fields))
    there = make_plan(planning(now=AT_NIGHT - ahead, zone=timezone(ahead), **fields))
    assert here.starts_at is not None
    assert here.window_end is not None
    assert there == replace(
        here,
        starts_at=here.starts_at - ahead,
        due_since=here.due_since and here.due_since - ahead,
        window_end=here.window_end - ahead,
    )


def test_a_chosen_time_that_has_passed_is_now() -> None:
    """As after a power cut."""
    decisions = replace(SEEN, scheduled_at=NOW - DAY)
    plan = make_plan(planning(decisions=decisions))
    assert (plan.starts_at, plan.waiting) == (NOW, None)


def test_a_closed_gate_holds_it_in_the_middle_of_the_night() -> None:
    """It may open any minute."""
    plan = make_plan(planning(now=AT_NIGHT, tonight=Tonight(gate_open=False)))
    assert (plan.starts_at, plan.waiting) == (AT_NIGHT, Waiting.GATE)
    plan = make_plan(planning(tonight=Tonight(gate_open=False)))
    assert plan.waiting is Waiting.QUIET_HOURS


def test_two_entry_doors_may_be_allowed() -> None:
    """And a side door is no entry door."""
    tonight = Tonight(entry_door="Front door")
    allowed = HouseholdPolicy(two_entry_doors=True)
    assert not make_plan(
        planning(now=AT_NIGHT, tonight=tonight, household=allowed)
    ).waiting
    side = replace(AUTOMATIC, importance=Importance.SIDE)
    assert not make_plan(planning(now=AT_NIGHT, tonight=tonight, policy=side)).waiting


def test_a_lock_may_have_quiet_hours_of_its_own() -> None:
    """Those of the household do not hold for it then."""
    own = replace(AUTOMATIC, quiet_hours=QuietHours(start=time(13), end=time(15)))
    plan = make_plan(planning(policy=own))
    assert plan.starts_at == NOW + timedelta(hours=1)


def test_an_approved_release_goes_on() -> None:
    """And no other one: neither another version nor another artifact."""
    need = replace(AUTOMATIC, approval=ApprovalNeed.PERSON)
    decisions = replace(SEEN, approval=APPROVAL)
    plan = make_plan(planning(now=AT_NIGHT, policy=need, decisions=decisions))
    assert plan.waiting is None
    for other in (
        replace(APPROVAL, version="1.2.0"),
        replace(APPROVAL, sha256="b" * 64),
    ):
        decisions = replace(SEEN, approval=other)
        plan = make_plan(planning(now=AT_NIGHT, policy=need, decisions=decisions))
        assert plan.waiting is Waiting.APPROVAL


def test_an_approval_may_waive_the_soak() -> None:
    """Only where it says so, and only that of the release that it is for."""
    waived = replace(APPROVAL, overrides=frozenset({Override.SOAK}))
    plan = make_plan(planning(now=AT_NIGHT, decisions=Decisions(approval=waived)))
    assert plan.waiting is None
    for other in (
        APPROVAL,
        replace(waived, version="1.2.0"),
        replace(waived, sha256="b" * 64),
    ):
        plan = make_plan(planning(now=AT_NIGHT, decisions=Decisions(approval=other)))
        assert plan.waiting is Waiting.SOAK


def test_the_time_that_a_person_has_chosen_counts_most() -> None:
    """More than policy, pin, soak, failures and quiet hours; not more than approval."""
    at = NOW + timedelta(hours=3)
    fields: dict[str, Any] = {
        "policy": LockPolicy(),
        "decisions": Decisions(pinned="1.0.0", scheduled_at=at),
        "retry": Retry(gave_up=True),
        "household": HouseholdPolicy(paused=True),
        "announced": False,
        "tonight": Tonight(failed="Shed", gate_open=False),
    }
    plan = make_plan(planning(**fields))
    assert (plan.starts_at, plan.waiting) == (at, Waiting.CHOSEN_TIME)
    assert plan.window_end is None
    plan = make_plan(planning(**{**fields, "now": at}))
    assert (plan.starts_at, plan.waiting) == (at, None)
    need = LockPolicy(approval=ApprovalNeed.PERSON)
    plan = make_plan(planning(**{**fields, "now": at, "policy": need}))
    assert plan.waiting is Waiting.APPROVAL


@given(
    now=st.datetimes(
        min_value=datetime(2026, 1, 1),
        max_value=datetime(2027, 1, 1),
        timezones=st.just(UTC),
    ),
    announced=st.booleans(),
    tonight=st.builds(
        Tonight,
        gate_open=st.booleans(),
        held_by=st.none() | st.just("Guests"),
        failed=st.none() | st.just("Shed"),
    ),
    postponed=st.none() | st.timedeltas(-DAY, 5 * DAY),
)
def test_it_never_starts_outside_of_quiet_hours(
    now: datetime,
    announced: bool,
    tonight: Tonight,
    postponed: timedelta | None,
) -> None:
    """Nor when anything is still waited for."""
    decisions = replace(
        SEEN,
        first_seen={SHA256: now - 30 * DAY},
        postponed_until=None if postponed is None else now + postponed,
    )
    plan = make_plan(
        planning(
            now=now,
            announced=announced,
            decisions=decisions,
            tonight=tonight,
        )
    )
    assert plan.starts_at is not None
    assert plan.starts_at >= now
    window = QuietHours().window_at(plan.starts_at, UTC)
    assert window is not None
    assert plan.starts_at + plan.expected <= window.end == plan.window_end
    if plan.waiting is None:
        assert plan.starts_at == now
        assert announced
        assert tonight.gate_open
        assert tonight.held_by is None
        assert tonight.failed is None
    held = plan.waiting is Waiting.HOLD
    assert plan.held_by == (tonight.held_by if held else None)


# Soak.


@pytest.mark.parametrize(
    ("fields", "days"),
    [
        ({}, 3),
        ({"severity": Severity.LOW}, 3),
        ({"severity": Severity.MEDIUM}, 3),
        ({"severity": Severity.HIGH}, 1),
        ({"severity": Severity.CRITICAL}, 0),
        ({"advisories": (Advisory(id="CVE-1"),)}, 1),
        ({"severity": Severity.LOW, "advisories": (Advisory(id="CVE-1"),)}, 3),
    ],
)
def test_what_closes_a_hole_soaks_for_less(fields: dict[str, Any], days: int) -> None:
    """Never for longer than the household says, whatever the vendor says."""
    wanted: Release = release(**fields)
    assert soak_ends(wanted, NOW, 3, NOW) == NOW + days * DAY
    assert soak_ends(wanted, NOW, 0, NOW) == NOW


@pytest.mark.parametrize(("own", "days"), [(None, 3), (10, 10), (0, 0)])
def test_a_lock_may_have_a_soak_of_its_own(own: int | None, days: int) -> None:
    """The one for which it must not be too early, and the one that is tried first."""
    policy = replace(AUTOMATIC, soak_days=own)
    just_seen = Decisions(first_seen={SHA256: AT_NIGHT})
    plan = make_plan(planning(now=AT_NIGHT, policy=policy, decisions=just_seen))
    assert plan.starts_at == AT_NIGHT + days * DAY
    assert plan.waiting is (Waiting.SOAK if days else None)


# Durations.


def test_the_feed_is_believed_until_there_is_a_history() -> None:
    """Three installations make one."""
    wanted = release(expected_duration=600)
    for history in ([], [5.0], [5.0, 6.0]):
        assert expected_duration(wanted, history) == timedelta(seconds=600) + SETTLING
    assert expected_duration(wanted, [5.0, 6.0, 7.0]) == timedelta(seconds=7) + SETTLING
    assert expected_duration(release(), []) == timedelta(minutes=10) + SETTLING


@pytest.mark.parametrize("transport", Transport)
def test_whatever_the_way_something_is_expected(transport: Transport) -> None:
    """Also of a release that nobody has described, as out of a file."""
    expected = expected_duration(release(transport=transport), [])
    assert timedelta(minutes=5) < expected < timedelta(hours=2)


def test_nine_in_ten_take_no_longer() -> None:
    """One that took for ever does not count for ever."""
    history = [float(seconds) for seconds in range(1, 10)] + [5000.0]
    assert expected_duration(release(), history) == timedelta(seconds=9) + SETTLING


# Retries.


def test_what_never_failed_may_be_tried() -> None:
    """Nor does another release's failure count, or being held or cancelled."""
    assert retry([], SHA256, "here", NOW) == Retry()
    history = [
        outcome(3, sha256="b" * 64, touched=True),
        outcome(2, kind=OutcomeKind.CANCELLED, touched=True),
        outcome(1, kind=OutcomeKind.POSTPONED),
    ]
    assert retry(history, SHA256, "here", NOW) == Retry()


def test_what_failed_on_the_way_is_tried_again_later_and_later() -> None:
    """After one, two and four days; then it is for the vendor."""
    for tries, days in enumerate((1, 2, 4), start=1):
        history = [outcome(tries - number) for number in range(1, tries + 1)]
        assert retry(history, SHA256, "here", NOW) == Retry(at=NOW + days * DAY)
    assert retry([outcome(each) for each in (9, 7, 4, 0)], SHA256, "here", NOW).gave_up


def test_what_failed_in_the_lock_waits_for_a_change() -> None:
    """Of what the lock runs, or of Nightlatch."""
    history = [outcome(1, touched=True)]
    assert retry(history, SHA256, "here", NOW).after_change
    assert retry(history, SHA256, "elsewhere", NOW) == Retry(at=NOW)


def test_a_lock_that_needs_a_hand_is_left_alone() -> None:
    """It has failed as well."""
    history = [outcome(1, kind=OutcomeKind.NEEDS_HAND, touched=True)]
    assert retry(history, SHA256, "here", NOW) == Retry(after_change=True)


def test_a_success_begins_the_count_anew() -> None:
    """As after a rollback."""
    history = [
        *(outcome(each) for each in (9, 8, 7, 6)),
        outcome(5, kind=OutcomeKind.SUCCEEDED),
        outcome(0),
    ]
    assert retry(history, SHA256, "here", NOW) == Retry(at=NOW + DAY)


@pytest.mark.parametrize(
    ("closes", "days"),
    [
        (Severity.NONE, 3),
        (Severity.MEDIUM, 3),
        (Severity.HIGH, 1),
        (Severity.CRITICAL, 0),
    ],
)
def test_what_closes_a_hole_that_others_have_published_soaks_for_less(
    closes: Severity, days: int
) -> None:
    """Though its vendor says nothing of it; approval and quiet hours bind all the same."""
    assert soak_ends(release(), NOW, 3, NOW, closes) == NOW + days * DAY
    fresh = replace(SEEN, first_seen={release().key: NOW})
    plan = make_plan(planning(decisions=fresh, closes=closes))
    assert plan.starts_at == TONIGHT + days * DAY
    asks = replace(AUTOMATIC, approval=ApprovalNeed.PERSON)
    held = make_plan(planning(decisions=fresh, policy=asks, closes=closes))
    assert held.waiting is Waiting.APPROVAL
