"""Actions: what automations and dashboards can ask of a lock's update entity."""

from datetime import datetime, timedelta
from typing import Any

import probatio

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import VolDictType
from homeassistant.util import dt as dt_util

from ..core.moments import bounded
from ..core.preflight.base import Check, Verdict, blockers
from ..core.preflight.rules import override_for
from ..core.records.decisions import JUDGEMENT_HOLDS, OF_A_MOMENT, Override
from ..core.schedule.duration import most_minutes
from ..entity import LockEntity
from ..install.approval import APPROVABLE, async_approve, release_named
from ..install.installer import async_nothing_to_install
from ..install.rollback import MOST_WORDS
from ..install.ways_back import ways_back
from ..locks.lock import ManagedLock
from ..markup import neutral
from ..monitoring.next_step import next_step
from ..texts.rehearsal import async_told_rehearsal
from ..texts.risk_summary import async_risk_summary
from ..translation import async_describe, async_told_check
from .audit import async_setup_audit_actions
from .export import async_setup_export
from .registration import LockAction, async_register_lock_action
from .report import async_setup_report_action
from .settings import async_setup_settings_actions
from .vault import async_setup_vault_actions

ATTR_AT = "at"
ATTR_UNTIL = "until"
ATTR_DAYS = "days"
ATTR_VERSION = "version"
ATTR_CODE = "code"
ATTR_OVERRIDES = "overrides"
ATTR_WORDS = "accept_security_risk"

_LONGEST_POSTPONEMENT = 90


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    actions: tuple[tuple[str, LockAction, VolDictType | None], ...] = (
        ("check_now", _async_check_now, None),
        ("schedule", _async_schedule, {probatio.Required(ATTR_AT): cv.datetime}),
        (
            "postpone",
            _async_postpone,
            {
                probatio.Exclusive(ATTR_UNTIL, "until"): cv.datetime,
                probatio.Exclusive(ATTR_DAYS, "until"): probatio.All(
                    probatio.Coerce(int),
                    probatio.Range(min=1, max=_LONGEST_POSTPONEMENT),
                ),
            },
        ),
        ("cancel", _async_cancel, None),
        ("pin_version", _async_pin, {probatio.Optional(ATTR_VERSION): cv.string}),
        ("unpin", _async_unpin, None),
        (
            "approve",
            _async_approve,
            {
                probatio.Required(ATTR_VERSION): cv.string,
                probatio.Optional(ATTR_CODE): cv.string,
                probatio.Optional(ATTR_OVERRIDES, default=list): probatio.All(
                    cv.ensure_list,
                    [probatio.All(probatio.Coerce(Override), probatio.In(APPROVABLE))],
                ),
            },
        ),
        (
            "rollback",
            _async_rollback,
            {
                probatio.Optional(ATTR_VERSION): cv.string,
                probatio.Optional(ATTR_CODE): cv.string,
                probatio.Optional(ATTR_WORDS, default=""): probatio.All(
                    cv.string, probatio.Length(max=MOST_WORDS)
                ),
            },
        ),
        ("revoke_approval", _async_revoke, None),
    )
    for name, func, schema in actions:
        async_register_lock_action(hass, name, func, schema)
    async_register_lock_action(
        hass, "get_plan", _async_get_plan, supports_response=SupportsResponse.ONLY
    )
    async_setup_settings_actions(hass)
    async_setup_vault_actions(hass)
    async_setup_audit_actions(hass)
    async_setup_export(hass)
    async_setup_report_action(hass)


async def _async_check_now(entity: LockEntity, call: ServiceCall) -> None:
    await entity.runtime.reader.async_check_now(entity.managed_lock)


async def _async_schedule(entity: LockEntity, call: ServiceCall) -> None:
    lock = entity.managed_lock
    if lock.release is None:
        raise await async_nothing_to_install(lock)
    await lock.decided.async_schedule(_moment(call.data[ATTR_AT]))


async def _async_postpone(entity: LockEntity, call: ServiceCall) -> None:
    lock, now = entity.managed_lock, dt_util.utcnow()
    named: datetime | None = call.data.get(ATTR_UNTIL)
    until = (
        _moment(named)
        if named is not None
        else now + timedelta(days=call.data.get(ATTR_DAYS, 1))
    )
    # Without an end it would be what only administrators may: to pin.
    if until > now + timedelta(days=_LONGEST_POSTPONEMENT, hours=1):
        raise lock.error("postponed_too_long", days=str(_LONGEST_POSTPONEMENT))
    await lock.decided.async_postpone(until)


def _moment(named: datetime) -> datetime:
    """Return a moment that a person has named; without a zone, by the house's clock."""
    if named.tzinfo is None:
        named = named.replace(tzinfo=dt_util.get_default_time_zone())
    return bounded(named)


async def _async_cancel(entity: LockEntity, call: ServiceCall) -> None:
    lock = entity.managed_lock
    if lock.progress is None and lock.decisions.choice is not None:
        await lock.decided.async_unchoose()
    elif lock.progress is None and lock.decisions.scheduled_at is not None:
        await lock.decided.async_schedule(None)
    else:
        await entity.runtime.installations.of(lock).async_cancel()


async def _async_pin(entity: LockEntity, call: ServiceCall) -> None:
    lock = entity.managed_lock
    await lock.decided.async_pin(
        call.data.get(ATTR_VERSION, lock.record.identity.firmware_version)
    )


async def _async_unpin(entity: LockEntity, call: ServiceCall) -> None:
    await entity.managed_lock.decided.async_pin(None)


async def _async_approve(entity: LockEntity, call: ServiceCall) -> None:
    lock = entity.managed_lock
    await async_approve(
        entity.hass,
        lock,
        release_named(lock, call.data[ATTR_VERSION]),
        call.context.user_id,
        code=call.data.get(ATTR_CODE),
        overrides=frozenset(call.data[ATTR_OVERRIDES]),
    )


async def _async_rollback(entity: LockEntity, call: ServiceCall) -> None:
    await entity.runtime.rollback.async_rollback(
        entity.managed_lock,
        call.context.user_id,
        version=call.data.get(ATTR_VERSION),
        code=call.data.get(ATTR_CODE),
        words=call.data[ATTR_WORDS],
    )


async def _async_revoke(entity: LockEntity, call: ServiceCall) -> None:
    await entity.managed_lock.decided.async_revoke()


async def _async_get_plan(entity: LockEntity, call: ServiceCall) -> ServiceResponse:
    lock, hass, runtime = entity.managed_lock, entity.hass, entity.runtime
    plan = runtime.planner.plan(lock)
    release = plan.release
    told: dict[str, Any] = {
        "installed_version": lock.record.identity.firmware_version,
        "version": release.version.text if release else None,
        "rollback_versions": [
            kept.release.version.text for kept in ways_back(lock, runtime.vault)
        ],
    }
    when: dict[str, Any] = {
        "next_step": next_step(lock, plan),
        "starts_at": plan.starts_at.isoformat() if plan.starts_at else None,
        "waiting_for": plan.waiting,
        "source_problem": await _async_source_problem(hass, lock),
        "way": await _async_way(hass, lock),
    }
    if release is None:
        return {**when, **told}
    checks = runtime.planner.checks_as_planned(lock)
    risk = runtime.planner.risk(lock, release)
    against = blockers(checks)
    # What a person looks for first comes first.
    return {
        "summary": await async_risk_summary(hass, risk),
        **when,
        "blockers": [
            await async_told_check(hass, check, {"lock": lock.name})
            for check in against
        ],
        **told,
        "minutes": most_minutes(plan.expected),
        "ready": not against,
        "way_back": risk.way_back,
        "evidence": release.evidence,
        "keeper": neutral(release.keeper) if release.keeper else None,
        "approved_by": lock.decided.approved_by,
        "overrides_until": _overrides_until(lock),
        "checks": [await _async_check(hass, lock, check) for check in checks],
    }


async def _async_source_problem(
    hass: HomeAssistant, lock: ManagedLock
) -> dict[str, str] | None:
    """Return what a person has to put right at the lock's source, if anything."""
    if (error := lock.kind.source_error) is None:
        return None
    message = await async_describe(hass, error, lock=lock.name)
    return {"reason": error.reason, "message": message}


async def _async_way(hass: HomeAssistant, lock: ManagedLock) -> dict[str, Any] | None:
    """Return what came of trying the way to the lock, and how long ago; None if nobody has."""
    if (rehearsal := lock.rehearsal) is None:
        return None
    return {
        "tried_at": rehearsal.at.isoformat(),
        "minutes_ago": max(dt_util.utcnow() - rehearsal.at, timedelta())
        // timedelta(minutes=1),
        "ready": rehearsal.ready,
        "message": await async_told_rehearsal(hass, lock, rehearsal),
    }


def _overrides_until(lock: ManagedLock) -> str | None:
    """Return until when what somebody has judged of the moment counts, if it does."""
    approval = lock.decisions.approval
    if lock.decided.approved_by is None or approval is None:
        return None
    in_force = approval.overrides_at(dt_util.utcnow()) & OF_A_MOMENT
    return (approval.at + JUDGEMENT_HOLDS).isoformat() if in_force else None


async def _async_check(
    hass: HomeAssistant, lock: ManagedLock, check: Check
) -> dict[str, Any]:
    passes = check.verdict is Verdict.PASS
    told = {
        "family": check.family,
        "rule": check.rule,
        "verdict": check.verdict,
        "reason": check.reason,
        "measured": check.measured,
        "limit": check.limit,
        "message": None
        if passes
        else await async_told_check(hass, check, {"lock": lock.name}),
        "override": override_for(check),
        "overridden_by": check.overridden_by,
        "override_ended": check.override_ended,
    }
    return {key: value for key, value in told.items() if value is not None}
