"""What panel and card show: all locks that somebody may see, as they stand now, in words.

Nothing is decided here. Each value is that of the service, or the sensor, that has it.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..core.installation.states import State
from ..core.model import Evidence, OutcomeKind
from ..core.moments import bounded
from ..core.records.outcome_record import OutcomeRecord
from ..core.schedule.duration import most_minutes
from ..core.schedule.plan import Plan, is_approved
from ..core.schedule.policy import ApprovalNeed
from ..locks.lock import ManagedLock
from ..monitoring.next_step import (
    NextStep,
    next_step,
    standing,
    told_standing,
    told_step,
    tone,
)
from ..monitoring.obstacles import async_obstacles
from ..monitoring.proof import (
    evidence_of,
    goes_back,
    has_way_back,
    told_evidence,
    told_way_back,
)
from ..monitoring.weekly import needs_of
from ..planning.planner import next_errand
from ..report.link import PATH
from ..rights import Deed, may, may_see
from ..runtime import Runtime
from ..texts.quiet_hours import told_week
from ..translation import label_now, told_now

_SHOWN_HISTORY = 12
# What *tomorrow* puts an update off by.
_A_DAY = timedelta(days=1)
# What comes next is one word for several reasons; the others say theirs by themselves.
_FOR_SEVERAL_REASONS = {NextStep.BLOCKED, NextStep.FAILED, NextStep.PLANNED}


async def async_snapshot(
    hass: HomeAssistant, runtime: Runtime, user: User
) -> dict[str, Any]:
    """Return everything that somebody is shown, but for the moment at which it is so."""
    told: list[dict[str, Any]] = []
    steps: dict[str, NextStep] = {}
    seen: list[ManagedLock] = []
    in_need = 0
    for lock in visible(runtime, user):
        with runtime.faults.apart("panel", lock):
            plan = runtime.planner.plan(lock)
            step = next_step(lock, plan)
            told.append(await _async_lock(runtime, user, lock, plan, step))
            steps[lock.subentry_id] = step
            seen.append(lock)
            in_need += bool(needs_of(lock, step).needs)
    return {
        "quiet_hours": _quiet_hours(runtime),
        "summary": told_standing(hass, standing(steps)),
        "locks": told,
        "household": _household(hass, runtime, user, seen, in_need),
    }


@callback
def visible(runtime: Runtime, user: User) -> Iterator[ManagedLock]:
    """Return the locks that somebody may see."""
    return (lock for lock in tuple(runtime.locks.values()) if may_see(user, lock))


def _quiet_hours(runtime: Runtime) -> dict[str, Any] | None:
    policy, now = runtime.settings.policy, dt_util.utcnow()
    hours = policy.quiet_hours
    window = next(hours.windows(now, runtime.settings.zone), None)
    if window is None:
        return None
    return {
        "starts_at": window.start.isoformat(),
        "ends_at": window.end.isoformat(),
        "open": window.start <= now,
        "weekdays": sorted(hours.weekdays),
        "paused": policy.paused,
    }


def _household(
    hass: HomeAssistant,
    runtime: Runtime,
    user: User,
    locks: list[ManagedLock],
    in_need: int,
) -> dict[str, Any]:
    total = str(len(locks))
    verified = sum(evidence_of(lock) is Evidence.SIGNATURE_VERIFIED for lock in locks)
    kept = sum(has_way_back(lock, runtime.planner, runtime.vault) for lock in locks)
    return {
        "evidence": told_now(
            hass, "panel_evidence", verified=str(verified), total=total
        ),
        "way_back": told_now(hass, "panel_way_back", kept=str(kept), total=total),
        # Whoever opens it signs its address, which runs out.
        "report": {
            "path": PATH,
            "text": told_now(hass, "panel_report", in_need=str(in_need), total=total),
        }
        if may(Deed.EXPORT_REPORT, user)
        else None,
        "week": _week(hass, runtime, user),
    }


def _week(hass: HomeAssistant, runtime: Runtime, user: User) -> dict[str, str] | None:
    """Return the picture of the week, for who may see it."""
    week, entity_id = runtime.door_use.week, runtime.door_use.picture
    if week is None or entity_id is None or _readable(user, entity_id) is None:
        return None
    return {
        "entity": entity_id,
        "title": told_now(hass, "week_title"),
        "text": told_week(hass, week.observed_days, week.hours, week.suggested),
    }


async def _async_lock(
    runtime: Runtime,
    user: User,
    lock: ManagedLock,
    plan: Plan,
    step: NextStep,
) -> dict[str, Any]:
    hass = lock.hass
    starts, release = plan.starts_at, plan.release
    waits = plan.waiting if step in _FOR_SEVERAL_REASONS else None
    return {
        "lock_id": lock.subentry_id,
        "device_id": lock.device_id,
        "name": lock.name,
        "kind": lock.kind.name,
        "update_entity": lock.update_entity_id,
        "lock_entity": _readable(user, lock.links.lock_entity),
        "installed": lock.record.identity.firmware_version,
        "offered": release.version.text if release else None,
        "next_step": step,
        "summary": told_step(hass, step, plan),
        "starts_at": bounded(starts).isoformat() if starts else None,
        "expected_minutes": most_minutes(plan.expected) if release else None,
        "tone": tone(step),
        "waiting_for": [label_now(hass, "waiting", str(waits))] if waits else [],
        "blockers": await async_obstacles(hass, runtime.planner, lock, plan, step)
        if may(Deed.SEE_PLAN, user, lock)
        else [],
        "progress": _progress(hass, lock),
        "may": _may(runtime, user, lock, plan),
        "history": [
            _past(hass, outcome) for outcome in lock.record.history[-_SHOWN_HISTORY:]
        ],
        "evidence": told_evidence(lock),
        "way_back": told_way_back(lock, runtime.planner, runtime.vault),
    }


def _readable(user: User, entity_id: str | None) -> str | None:
    """Return an entity, if somebody may see it."""
    if entity_id is None or user.permissions.check_entity(entity_id, POLICY_READ):
        return entity_id
    return None


def _progress(hass: HomeAssistant, lock: ManagedLock) -> dict[str, Any] | None:
    if (progress := lock.progress) is None:
        return None
    # One that has no state yet waits for its turn, and so does one that is planned.
    phase = progress.state or State.PLANNED
    ended = phase.value in set(OutcomeKind)
    since = lock.installing_since
    return {
        "percent": progress.percentage,
        "phase": phase,
        "phase_text": label_now(hass, "outcome" if ended else "phase", phase),
        "since": since.isoformat() if since else None,
    }


def _may(
    runtime: Runtime, user: User, lock: ManagedLock, plan: Plan
) -> dict[str, bool]:
    """Return what somebody may do now, and has a use."""
    release, decisions, free = plan.release, lock.decisions, lock.progress is None
    need = lock.policy.approval
    unapproved = (
        release is not None
        and need is not ApprovalNeed.NONE
        and not is_approved(decisions, release)
    )
    can_install = lock.kind.can_install_from(next_errand(lock).source)
    useful = {
        Deed.INSTALL: free and release is not None and can_install and not unapproved,
        Deed.POSTPONE: free
        and plan.starts_at is not None
        and plan.starts_at < dt_util.utcnow() + _A_DAY,
        # Home Assistant's own action, which is what a panel can call, is for
        # administrators.
        Deed.SKIP: free
        and release is not None
        and decisions.choice is None
        and lock.skips != release.version.text
        and user.is_admin,
        Deed.APPROVE: free and unapproved,
        Deed.CANCEL: (
            lock.progress.cancellable
            if lock.progress is not None
            else decisions.choice is not None or decisions.scheduled_at is not None
        ),
        Deed.ROLL_BACK: free and goes_back(lock, runtime.vault),
    }
    allowed = {deed: useful[deed] and may(deed, user, lock) for deed in useful}
    return {
        "install": allowed[Deed.INSTALL],
        "tomorrow": allowed[Deed.POSTPONE],
        "skip": allowed[Deed.SKIP],
        "approve": allowed[Deed.APPROVE],
        "approve_needs_code": need is ApprovalNeed.SECOND_FACTOR,
        "cancel": allowed[Deed.CANCEL],
        "go_back": allowed[Deed.ROLL_BACK],
    }


def _past(hass: HomeAssistant, outcome: OutcomeRecord) -> dict[str, str]:
    return {
        "version": outcome.to_version,
        "at": outcome.ended.isoformat(),
        "outcome": outcome.kind,
        "text": label_now(hass, "outcome", outcome.kind),
    }
