"""What stands against the next step of a lock, and what a person can do, in words."""

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..core.preflight.base import PASSING, Reason, worth_telling
from ..core.schedule.plan import Plan
from ..locks.lock import ManagedLock
from ..planning.planner import Planner
from ..translation import async_describe, async_told_check, told_now
from .next_step import NextStep

# What a plan waits for says these already.
_WAITED_FOR = {
    Reason.ENTRY_DOOR_TONIGHT,
    Reason.NOT_APPROVED,
    Reason.PINNED,
    Reason.SKIPPED,
    Reason.SOAKING,
    Reason.STAGED,
    Reason.STAGED_BY_KEEPER,
}
# Nobody is about to install anything from here.
_NOT_NOW = {
    NextStep.BY_HAND,
    NextStep.NEEDS_HAND,
    NextStep.NOT_COMPARABLE,
    NextStep.PINNED,
    NextStep.RUNNING,
    NextStep.SKIPPED,
}


async def async_obstacles(
    hass: HomeAssistant, planner: Planner, lock: ManagedLock, plan: Plan, step: NextStep
) -> list[dict[str, str | None]]:
    """Return what stands against it, and what a person can do, a sentence each."""
    told: list[tuple[str, str | None]] = []
    if (error := lock.kind.source_error) is not None:
        told.append((await async_describe(hass, error, lock=lock.name), None))
    elif step in {NextStep.NEEDS_HAND, NextStep.NOT_COMPARABLE}:
        # Forms and steps are there, and only there.
        repairs = told_now(hass, "panel_see_repairs")
        told.append((_why(hass, lock, step), repairs))
    elif step is NextStep.FAILED:
        told.append((_why(hass, lock, step), None))
    if step not in _NOT_NOW:
        checks = worth_telling(planner.checks_as_planned(lock))
        if plan.starts_at is not None and plan.starts_at > dt_util.utcnow():
            # By day nobody knows how it will be at night.
            checks = tuple(each for each in checks if each.reason not in PASSING)
        if step is NextStep.BLOCKED:
            checks = checks or lock.held
        for check in checks:
            if check.reason not in _WAITED_FOR:
                sentence = await async_told_check(hass, check, {"lock": lock.name})
                told.append((sentence, None))
    return [{"text": text, "what_to_do": to_do} for text, to_do in told]


def _why(hass: HomeAssistant, lock: ManagedLock, step: NextStep) -> str:
    """Return what has happened to a lock, where that was told; else how it stands."""
    outcome = lock.record.outcome
    if step is NextStep.NOT_COMPARABLE and (why := lock.kind.left_at_source):
        runs = lock.record.identity.firmware_version
        return told_now(hass, f"left_at_source_{why}", installed=runs)
    if lock.in_bootloader:
        return told_now(hass, "panel_in_bootloader")
    if outcome is not None and outcome.message is not None:
        return outcome.message
    return told_now(hass, "panel_failed")
