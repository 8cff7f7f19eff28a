"""What comes next for a lock, in one word."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from homeassistant.core import HomeAssistant

from ..core.moments import bounded
from ..core.schedule.plan import Plan, Waiting
from ..locks.lock import ManagedLock
from ..translation import told_now
from .health import needs_hand


class NextStep(StrEnum):
    """What comes next."""

    UP_TO_DATE = "up_to_date"
    UNKNOWN = "unknown_offer"
    """Nobody has said what there is."""
    NOT_COMPARABLE = "not_comparable"
    """Something is offered that cannot be judged; a repair asks about it."""
    RUNNING = "running"
    NEEDS_HAND = "needs_hand"
    WAITS_FOR_APPROVAL = "waits_for_approval"
    WAITS_FOR_YOU = "waits_for_you"
    """It is installed when somebody presses *Update*."""
    BY_HAND = "by_hand"
    """A person installs it at the door."""
    SOAKING = "soaking"
    STAGED = "staged"
    """Its vendor lets it out by and by."""
    HALTED = "halted"
    """Its vendor has halted it."""
    PLANNED = "planned"
    DUE = "due"
    """It starts within a minute, if nothing stands against it."""
    BLOCKED = "blocked"
    """It was about to start, and something stood against it."""
    WAITS_FOR_CONDITION = "waits_for_condition"
    WAITS_WHILE_ON = "waits_while_on"
    """Something is on that the owner has named as a reason to wait."""
    POSTPONED = "postponed"
    PAUSED = "paused"
    PINNED = "pinned"
    SKIPPED = "skipped"
    FAILED = "failed"
    """It is not tried again by itself."""
    NO_TIME = "no_time"
    """It fits into no quiet hours."""


_BY_WAITING: Final[Mapping[Waiting | None, NextStep]] = {
    None: NextStep.DUE,
    Waiting.NOTHING_OFFERED: NextStep.UP_TO_DATE,
    Waiting.PINNED: NextStep.PINNED,
    Waiting.SKIPPED: NextStep.SKIPPED,
    Waiting.PERSON: NextStep.WAITS_FOR_YOU,
    Waiting.APPROVAL: NextStep.WAITS_FOR_APPROVAL,
    Waiting.PAUSED: NextStep.PAUSED,
    Waiting.CHANGE: NextStep.FAILED,
    Waiting.VENDOR: NextStep.FAILED,
    Waiting.HALTED: NextStep.HALTED,
    Waiting.STAGE: NextStep.STAGED,
    Waiting.NO_QUIET_HOURS: NextStep.NO_TIME,
    Waiting.POSTPONED: NextStep.POSTPONED,
    Waiting.SOAK: NextStep.SOAKING,
    Waiting.BACK_OFF: NextStep.PLANNED,
    Waiting.NOTICE: NextStep.PLANNED,
    Waiting.FAILED_TONIGHT: NextStep.PLANNED,
    Waiting.ENTRY_DOOR_TONIGHT: NextStep.PLANNED,
    Waiting.QUIET_HOURS: NextStep.PLANNED,
    Waiting.CHOSEN_TIME: NextStep.PLANNED,
    Waiting.LET_GO: NextStep.PLANNED,
    Waiting.GATE: NextStep.WAITS_FOR_CONDITION,
    Waiting.HOLD: NextStep.WAITS_WHILE_ON,
    Waiting.SOURCE: NextStep.BLOCKED,
}
_CURRENT: Final = {NextStep.UP_TO_DATE}
_PROBLEMS: Final = {
    NextStep.NEEDS_HAND,
    NextStep.NOT_COMPARABLE,
    NextStep.BLOCKED,
    NextStep.FAILED,
    NextStep.NO_TIME,
}


class Tone(StrEnum):
    """How a next step looks from afar."""

    GOOD = "good"
    WAITS = "waits"
    STOPPED = "stopped"
    """Somebody has to see to it."""
    IDLE = "idle"
    """Nothing happens, and it is meant so or cannot be known."""


_IDLE: Final = {
    NextStep.UNKNOWN,
    NextStep.HALTED,
    NextStep.PAUSED,
    NextStep.PINNED,
    NextStep.SKIPPED,
}


def tone(step: NextStep) -> Tone:
    """Return how a next step looks from afar."""
    if step in _CURRENT:
        return Tone.GOOD
    if step in _PROBLEMS:
        return Tone.STOPPED
    return Tone.IDLE if step in _IDLE else Tone.WAITS


def next_step(lock: ManagedLock, plan: Plan) -> NextStep:
    """Return what comes next for a lock, by its plan."""
    if lock.progress is not None:
        return NextStep.RUNNING
    if lock.in_bootloader or needs_hand(lock):
        return NextStep.NEEDS_HAND
    if lock.kind.left_at_source is not None:
        return NextStep.NOT_COMPARABLE
    step = _BY_WAITING[plan.waiting]
    if step is NextStep.UP_TO_DATE and not lock.kind.knows_latest:
        return NextStep.UNKNOWN
    if step is NextStep.WAITS_FOR_YOU and lock.kind.by_hand:
        return NextStep.BY_HAND
    if lock.held and step in {NextStep.PLANNED, NextStep.DUE}:
        return NextStep.BLOCKED
    return step


def told_step(hass: HomeAssistant, step: NextStep, plan: Plan) -> str:
    """Return in a sentence what comes next."""
    release = plan.release
    named = {} if release is None else {"version": release.version.text}
    if plan.held_by is not None:
        named["entity"] = plan.held_by
    return told_now(hass, f"next_step_{step}", **named)


def starts_at(plan: Plan) -> datetime | None:
    """Return when a release is installed by itself, as far as that can be said.

    What may start at any moment has been due since then: if it were said to start now, it
    would be said anew each minute of a night in which something is in its way.
    """
    at = plan.due_since or plan.starts_at
    return bounded(at) if at is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the locks of the household stand, counted."""

    current: int = 0
    waiting: int = 0
    problems: int = 0


def standing(steps: Mapping[str, NextStep]) -> Standing:
    """Return how many locks are current, wait for something, and need somebody."""
    current = sum(step in _CURRENT for step in steps.values())
    problems = sum(step in _PROBLEMS for step in steps.values())
    return Standing(
        current=current,
        waiting=len(steps) - current - problems,
        problems=problems,
    )


def told_standing(hass: HomeAssistant, stand: Standing) -> str:
    """Return in one line how the locks stand."""
    return told_now(
        hass,
        "locks_standing",
        current=str(stand.current),
        waiting=str(stand.waiting),
        problems=str(stand.problems),
    )
