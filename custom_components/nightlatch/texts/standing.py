"""How it stands with the next installation on a lock, in a few sentences."""

from datetime import datetime
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..core.installation.states import State
from ..core.model import Release
from ..core.moments import bounded
from ..core.preflight.base import Reason, blockers
from ..core.schedule.plan import Waiting
from ..locks.lock import ManagedLock
from ..markup import Composed, listed
from ..planning.planner import Planner
from ..translation import async_label, async_sentence, async_told_check, label_now

# Until the lock has proven itself the bar stands still, for minutes.
_BAR_STANDS_STILL: Final = {State.ACTIVATING, State.CONFIRMING, State.REVERTING}
# What is said as the state itself is not said again as something in the way.
_SAID_OTHERWISE: Final = {
    Reason.HALTED,
    Reason.HALTED_BY_GONE_FEED,
    Reason.HALTED_BY_KEEPER,
    Reason.NOT_APPROVED,
    Reason.PINNED,
    Reason.SKIPPED,
    Reason.STAGED,
    Reason.STAGED_BY_KEEPER,
}
SAID_BY_ITSELF: Final = {
    Waiting.APPROVAL,
    Waiting.PINNED,
    Waiting.SKIPPED,
    Waiting.PAUSED,
    Waiting.CHANGE,
    Waiting.VENDOR,
    Waiting.NO_QUIET_HOURS,
    Waiting.GATE,
    Waiting.HOLD,
}
# A time is known, and does not say when it will be.
_WITHOUT_A_TIME: Final = {Waiting.GATE, Waiting.HOLD}


async def async_standing(
    hass: HomeAssistant, lock: ManagedLock, release: Release, planner: Planner
) -> list[Composed]:
    """Return first what a person looks for first: may it run, when, and if not, why."""
    if lock.progress is not None:
        return await _async_running(hass, lock)
    plan, told = planner.plan(lock), list[Composed]()
    approval = lock.decisions.approval
    if release.was_halted:
        told.append(await _async_say(hass, "state_halted_by_gone_feed"))
    elif (halt := release.halted) is not None:
        told.append(
            await _async_say_who(hass, "state_halted", halt.keeper, why=halt.why)
        )
    if plan.waiting in SAID_BY_ITSELF:
        named = {} if plan.held_by is None else {"entity": plan.held_by}
        told.append(await _async_say(hass, f"state_{plan.waiting}", **named))
    if lock.decided.approved_by is not None and approval is not None:
        told.append(
            await _async_say(
                hass,
                "state_approved",
                user=approval.user_name,
                time=told_moment(hass, approval.at),
            )
        )
    in_the_way = [
        await async_told_check(hass, check, {"lock": lock.name})
        for check in blockers(planner.checks_as_planned(lock))
        if check.reason not in _SAID_OTHERWISE
    ]
    if in_the_way:
        count = await _async_say(hass, "state_in_the_way", count=str(len(in_the_way)))
        told.append(Composed(f"{count}\n\n{listed(in_the_way)}"))
    if plan.starts_at is not None and plan.waiting not in _WITHOUT_A_TIME:
        time = told_moment(hass, plan.starts_at)
        told.append(await _async_say(hass, "state_by_itself", time=time))
    elif not told:
        by_hand = lock.kind.by_hand
        told.append(
            await _async_say(hass, "state_by_hand" if by_hand else "state_ready")
        )
    stage = release.rollout
    if stage is not None and not lock.kind.by_hand and not lock.is_let_out(release):
        percent = str(stage.percent)
        told.append(
            await _async_say_who(hass, "state_staged", release.keeper, percent=percent)
        )
    return told


async def _async_running(hass: HomeAssistant, lock: ManagedLock) -> list[Composed]:
    """Return what is being done right now, and why the bar stands still if it does."""
    state = (lock.progress.state if lock.progress else None) or State.PLANNED
    told = [Composed(f"{await async_label(hass, 'phase', state)}.")]
    if state in _BAR_STANDS_STILL:
        told.append(await _async_say(hass, "phase_takes_a_while"))
    return told


async def _async_say_who(
    hass: HomeAssistant, key: str, keeper: str | None, **names: str
) -> Composed:
    """Say what somebody does who signs: the vendor, or a keeper by name."""
    if keeper is None:
        return await _async_say(hass, key, **names)
    return await _async_say(hass, f"{key}_by_keeper", keeper=keeper, **names)


async def _async_say(hass: HomeAssistant, key: str, **names: str) -> Composed:
    return await async_sentence(hass, key, names)


def told_moment(hass: HomeAssistant, moment: datetime) -> str:
    """Return a moment as people say it: the hour, and the day where it is not today."""
    local, today = dt_util.as_local(bounded(moment)), dt_util.now().date()
    hour = f"{local:%H:%M}"
    if local.date() == today:
        return hour
    if abs((local.date() - today).days) < 7:
        return f"{label_now(hass, 'weekday', str(local.weekday()))} {hour}"
    return f"{local.date().isoformat()} {hour}"
