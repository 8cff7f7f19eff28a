"""The plan for a lock: when its release would be installed, and what it waits for."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from ..errors import SourceProblem
from ..model import Release, Severity
from ..moments import bounded
from ..records.decisions import Decisions, Override
from .night import NOON, next_notice, night_of
from .policy import (
    ApprovalNeed,
    HouseholdPolicy,
    Importance,
    LockPolicy,
    Mode,
    soak_days_for,
)
from .quiet_hours import Window, moment_of
from .retries import Retry
from .soak import soak_ends


class Waiting(StrEnum):
    """What an installation waits for."""

    NOTHING_OFFERED = "nothing_offered"
    SOURCE = "source"
    """What another integration knows of the lock cannot be relied upon."""
    PINNED = "pinned"
    SKIPPED = "skipped"
    PERSON = "person"
    """Nothing is installed on this lock unless somebody asks for it."""
    APPROVAL = "approval"
    PAUSED = "paused"
    CHANGE = "change"
    """It failed here, and would again."""
    VENDOR = "vendor"
    """It failed too often."""
    HALTED = "halted"
    """Its vendor has halted it."""
    STAGE = "stage"
    """Its vendor lets it out by and by, and to this lock not yet."""
    NO_QUIET_HOURS = "no_quiet_hours"
    """It fits into none of them."""
    POSTPONED = "postponed"
    SOAK = "soak"
    BACK_OFF = "back_off"
    NOTICE = "notice"
    """People have not been told yet."""
    FAILED_TONIGHT = "failed_tonight"
    """After a failure the rest of the night waits."""
    ENTRY_DOOR_TONIGHT = "entry_door_tonight"
    QUIET_HOURS = "quiet_hours"
    CHOSEN_TIME = "chosen_time"
    """Somebody has said when."""
    GATE = "gate"
    """What the owner has named as a condition does not hold."""
    LET_GO = "let_go"
    """Somebody has it let go of for its maker's app."""
    HOLD = "hold"
    """What the owner has named as a reason to wait is there: holidays, guests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When a release would be installed. Times are aware, UTC."""

    release: Release | None
    starts_at: datetime | None = None
    """None where no time can be said; the moment of the plan where it may start then."""
    due_since: datetime | None = None
    """Since when it may have started, as far as the clock goes; None before that."""
    waiting: Waiting | None = None
    """What keeps it from starting right now; None where nothing does."""
    expected: timedelta = timedelta()
    """How long it will take, with the settling."""
    window_end: datetime | None = None
    """When the quiet hours end that it would run in; None where none bind."""
    held_by: str | None = None
    """What the owner has named as a reason to wait, by its name, while that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tonight:
    """What has happened in this night."""

    failed: str | None = None
    """The name of a lock on which an installation has failed."""
    entry_door: str | None = None
    """The name of another entry door that was updated."""
    gate_open: bool = True
    """Whether what the owner has named as a condition holds."""
    held_by: str | None = None
    """What the owner has named as a reason to wait, by its name, while that is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planning:
    """Everything that a plan depends on. Times are aware, UTC.

    Two of different moments are equal where they are made of the same.
    """

    now: datetime = field(compare=False)
    zone: tzinfo
    release: Release | None
    expected: timedelta
    policy: LockPolicy
    household: HouseholdPolicy
    decisions: Decisions
    retry: Retry
    tonight: Tonight
    announced: bool
    """Whether people were told that this release will be installed."""
    source: SourceProblem | None = None
    """What a person has to put right at its source first."""
    closes: Severity = Severity.NONE
    """How bad the worst published hole is that the lock has and the release has not."""
    let_go_until: datetime | None = None
    """Until when nothing of ours may connect to it."""
    let_out: bool = True
    """Whether its vendor lets the release out to this lock already."""


def make_plan(planning: Planning) -> Plan:
    """Return when the release would be installed, and what it waits for.

    The time that a person has chosen counts more than quiet hours, soak and policy;
    nothing counts more than preflight, which is asked when the time has come.
    """
    release = planning.release
    if planning.source is not None:
        return Plan(release=release, waiting=Waiting.SOURCE, expected=planning.expected)
    if release is None:
        return Plan(release=None, waiting=Waiting.NOTHING_OFFERED)
    if release.is_halted:
        return Plan(release=release, waiting=Waiting.HALTED, expected=planning.expected)
    waiting = _without_a_time(planning, release)
    if waiting is not None:
        return Plan(release=release, waiting=waiting, expected=planning.expected)
    if (chosen := planning.decisions.chosen_time(release.key)) is not None:
        return _chosen(planning, release, bounded(chosen))
    return _in_quiet_hours(planning, release)


def _without_a_time(planning: Planning, release: Release) -> Waiting | None:
    """Return what an installation waits for without anybody knowing how long."""
    decisions, policy = planning.decisions, planning.policy
    if policy.approval is not ApprovalNeed.NONE and not is_approved(decisions, release):
        return Waiting.APPROVAL
    if decisions.chosen_time(release.key) is not None:
        return None
    if decisions.pinned is not None:
        return Waiting.PINNED
    if decisions.leaves_out(release.version.text):
        return Waiting.SKIPPED
    if policy.mode is not Mode.AUTOMATIC or policy.consent is None:
        return Waiting.PERSON
    if planning.household.paused:
        return Waiting.PAUSED
    if planning.retry.gave_up:
        return Waiting.VENDOR
    if planning.retry.after_change:
        return Waiting.CHANGE
    # Also what closes a hole: the vendor knows of both.
    return None if planning.let_out else Waiting.STAGE


def is_approved(decisions: Decisions, release: Release) -> bool:
    """Return whether somebody has approved this very release.

    Where it was halted and nobody can lift that any more, knowing of it.
    """
    approval = decisions.approval
    return (
        approval is not None
        and approval.covers(release.version.text, release.key)
        and (not release.was_halted or Override.HALT in approval.overrides)
    )


def overrides_of(
    decisions: Decisions, release: Release, now: datetime
) -> frozenset[Override]:
    """Return what somebody has judged better for this very release, as far as it holds."""
    if decisions.approval is None or not is_approved(decisions, release):
        return frozenset()
    return decisions.approval.overrides_at(now)


def _chosen(planning: Planning, release: Release, at: datetime) -> Plan:
    free, waiting = planning.let_go_until or at, Waiting.CHOSEN_TIME
    if free > at:
        at, waiting = free, Waiting.LET_GO
    return Plan(
        release=release,
        starts_at=max(at, planning.now),
        due_since=at if at <= planning.now else None,
        waiting=waiting if at > planning.now else None,
        expected=planning.expected,
    )


def _in_quiet_hours(planning: Planning, release: Release) -> Plan:
    earliest, waiting = _earliest(planning, release)
    hours = planning.policy.quiet_hours or planning.household.quiet_hours
    starts_at = hours.first_fit(earliest, planning.zone, planning.expected)
    if starts_at is None:
        return Plan(
            release=release,
            waiting=Waiting.NO_QUIET_HOURS,
            expected=planning.expected,
        )
    window = hours.window_at(starts_at, planning.zone)
    if waiting is None and starts_at > planning.now:
        waiting = Waiting.QUIET_HOURS
    if waiting is None and planning.tonight.held_by is not None:
        waiting = Waiting.HOLD
    if waiting is None and not planning.tonight.gate_open:
        waiting = Waiting.GATE
    return Plan(
        release=release,
        starts_at=starts_at,
        due_since=_due_since(planning, release, window, starts_at),
        waiting=waiting,
        expected=planning.expected,
        window_end=window.end if window else None,
        held_by=planning.tonight.held_by if waiting is Waiting.HOLD else None,
    )


def _due_since(
    planning: Planning, release: Release, window: Window | None, starts_at: datetime
) -> datetime | None:
    """Return since when it may have started in these quiet hours."""
    if window is None or starts_at > planning.now:
        return None
    bounds = (bound for bound, _ in bounds_of(planning, release))
    return max((window.start, *bounds))


def _earliest(planning: Planning, release: Release) -> tuple[datetime, Waiting | None]:
    """Return the moment before which it must not start, and why."""
    bounds = bounds_of(planning, release)
    latest = max(bounds, key=lambda bound: bound[0], default=None)
    if latest is None or latest[0] <= planning.now:
        return planning.now, None
    return latest


def bounds_of(planning: Planning, release: Release) -> list[tuple[datetime, Waiting]]:
    """Return the moments before which it must not start, and why."""
    now, decisions, tonight = planning.now, planning.decisions, planning.tonight
    tomorrow = moment_of(
        night_of(now, planning.zone) + timedelta(days=1), NOON, planning.zone
    )
    bounds: list[tuple[datetime, Waiting]] = []
    if decisions.postponed_until is not None:
        bounds.append((bounded(decisions.postponed_until), Waiting.POSTPONED))
    if Override.SOAK not in overrides_of(decisions, release, now):
        seen = decisions.first_seen.get(release.key)
        days = soak_days_for(planning.policy, planning.household)
        ends = soak_ends(release, seen, days, now, planning.closes)
        bounds.append((ends, Waiting.SOAK))
    if planning.retry.at is not None:
        bounds.append((planning.retry.at, Waiting.BACK_OFF))
    if not planning.announced:
        notice = next_notice(now, planning.household.notice_at, planning.zone)
        bounds.append((notice, Waiting.NOTICE))
    if planning.let_go_until is not None:
        bounds.append((planning.let_go_until, Waiting.LET_GO))
    if tonight.failed is not None:
        bounds.append((tomorrow, Waiting.FAILED_TONIGHT))
    if (
        tonight.entry_door is not None
        and planning.policy.importance is Importance.ENTRY
        and not planning.household.two_entry_doors
    ):
        bounds.append((tomorrow, Waiting.ENTRY_DOOR_TONIGHT))
    return bounds
