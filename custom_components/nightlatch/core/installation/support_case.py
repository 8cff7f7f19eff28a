"""What is wrong with a lock, out of what is known of it, and the one thing to do next.

Asked is what a good support desk asks, in its order: is it the lock, is it reached, has it
power, does the firmware fit, what did the last update leave. Nothing is found out here:
the rules of preflight and whoever has asked the lock have said it already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..errors import DelegateProblem, SourceProblem, TransportProblem
from ..model import OutcomeKind
from ..preflight.base import SETTLING, Check, Family, Reason, blockers
from ..records.outcome_record import OutcomeRecord
from .confirmation import BOLT_PROBLEMS
from .recovery import is_fault_of_firmware


class CasePart(StrEnum):
    """What is looked at, in this order."""

    IDENTIFY = "identify"
    CONNECTIVITY = "connectivity"
    POWER = "power"
    COMPATIBILITY = "compatibility"
    UPDATE = "update"


class NextAction(StrEnum):
    """What to do next; what comes first here was found first."""

    NOTHING = "nothing"
    WAIT_FOR_END = "wait_for_end"
    """An installation runs."""
    SEE_REPAIRS = "see_repairs"
    """What it is looked after through has to be put right, and a repair says how."""
    RECOVER = "recover"
    BATTERY = "battery"
    LET_GO_ELSEWHERE = "let_go_elsewhere"
    """Somebody else holds its only connection."""
    WAKE = "wake"
    TRY_AGAIN = "try_again"
    GO_BACK = "go_back"
    MAKER = "maker"


_PARTS: Final = {
    Family.IDENTITY: CasePart.COMPATIBILITY,
    Family.PATH: CasePart.COMPATIBILITY,
    Family.POWER: CasePart.POWER,
    Family.RADIO: CasePart.CONNECTIVITY,
}
# By rule, where its family says otherwise: these are about what people have decided, or
# about the way.
_PARTS_OF_RULES: Final = {
    "approval": CasePart.UPDATE,
    "soak": CasePart.UPDATE,
    "stage": CasePart.UPDATE,
    "source": CasePart.CONNECTIVITY,
    "wanted": CasePart.UPDATE,
}
# What people have decided, and what stands on the plan, is nothing wrong.
_DECIDED: Final = {
    Reason.ENTRY_DOOR_TONIGHT,
    Reason.NOT_APPROVED,
    Reason.NOT_NEWER,
    Reason.PINNED,
    Reason.SKIPPED,
    Reason.SOAKING,
    Reason.STAGED,
    Reason.STAGED_BY_KEEPER,
}
# Where only a person at the radio, or time, helps.
_SILENT: Final = {
    TransportProblem.BOOTLOADER_NOT_FOUND,
    TransportProblem.CONNECTION_FAILED,
    TransportProblem.DID_NOT_COME_BACK,
    TransportProblem.LINK_LOST,
    TransportProblem.NO_ANSWER,
    TransportProblem.NOT_FOUND,
    DelegateProblem.NOT_AVAILABLE,
}
_HELD: Final = {
    TransportProblem.HELD_ELSEWHERE,
    TransportProblem.HELD_SINCE_RESTART,
    Reason.ALWAYS_CONNECTED,
    Reason.HELD_ELSEWHERE,
}
# What new batteries put right, and not only a sensor.
_EMPTY: Final = {Reason.BATTERY_FALLING, Reason.BATTERY_FLAG, Reason.BATTERY_LOW}
# Nobody but its maker can put these right.
_OF_THE_MAKER: Final = {
    TransportProblem.GARBLED_ANSWER,
    TransportProblem.INSECURE_BUTTONLESS,
    TransportProblem.NO_IDENTITY,
    TransportProblem.NOT_UPDATABLE,
    Reason.BELOW_FLOOR,
    Reason.BELOW_SECURITY_FLOOR,
    Reason.HALTED,
    Reason.HALTED_BY_GONE_FEED,
    Reason.HALTED_BY_KEEPER,
    Reason.HARDWARE_UNKNOWN,
    Reason.INDEX_DOWNGRADE,
    Reason.INDEX_NOT_APPLICABLE,
    Reason.INDEX_OTHER_HARDWARE,
    Reason.INDEX_OTHER_IMAGE,
    Reason.INDEX_OTHER_MODEL,
    Reason.INDEX_RECALLED,
    Reason.NO_FIRMWARE_KEY,
    Reason.NO_PROOF,
    Reason.KEEPER_ALONE,
    Reason.KEEPER_OTHER_SIGNER,
    Reason.OTHER_HARDWARE,
    Reason.OTHER_MODEL,
    Reason.REFUSED_BY_LOCK,
    Reason.STEP_MISSING,
    Reason.VERSION_UNKNOWN,
    Reason.WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What was found out of a lock."""

    by_hand: bool = False
    """Whether only a person brings it firmware: a battery that nobody knows holds up none."""
    running: bool = False
    """Whether an installation runs on it: then it is left alone."""
    source: SourceProblem | None = None
    """What is wrong with what another integration knows of it."""
    other_model: bool = False
    """Whether it has said just now that it is another model than it was."""
    error: StrEnum | None = None
    """Why it has not answered; None where it has."""
    in_bootloader: bool = False
    can_recover: bool = False
    """Whether there is firmware to bring it out of its bootloader with."""
    can_go_back: bool = False
    checks: tuple[Check, ...] = ()
    """What the rules say: of the way to it, and of what is offered for it."""
    outcome: OutcomeRecord | None = None
    """How the last installation ended."""

    @property
    def stands_badly(self) -> OutcomeRecord | None:
        """Return how the last installation ended, where it left something to do."""
        ended = self.outcome
        if ended is None or ended.kind not in {
            OutcomeKind.FAILED,
            OutcomeKind.NEEDS_HAND,
            OutcomeKind.ROLLED_BACK,
        }:
            return None
        return ended


def part_of(check: Check) -> CasePart:
    """Return under what a check is told."""
    family = _PARTS.get(check.family, CasePart.UPDATE)
    return _PARTS_OF_RULES.get(check.rule, family)


def told_under(part: CasePart, checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return the checks that are told under a part, without what people have decided."""
    return tuple(
        check
        for check in checks
        if part_of(check) is part and check.reason not in _DECIDED
    )


def next_action(facts: CaseFacts) -> NextAction:
    """Return the one thing to do next: what all else depends on comes first."""
    if facts.running:
        return NextAction.WAIT_FOR_END
    if facts.source not in {None, SourceProblem.AWAY}:
        return NextAction.SEE_REPAIRS
    if facts.in_bootloader or facts.error is TransportProblem.IN_BOOTLOADER:
        return NextAction.RECOVER if facts.can_recover else NextAction.MAKER
    found = {part: _blocking(part, facts.checks) for part in CasePart}
    if facts.other_model:
        return NextAction.MAKER
    if found[CasePart.POWER] & _EMPTY:
        # It may be silent for that alone.
        return NextAction.BATTERY
    return (
        _of_the_way(facts, found[CasePart.CONNECTIVITY])
        or _of_firmware(set() if facts.by_hand else found[CasePart.POWER])
        or _of_firmware(found[CasePart.COMPATIBILITY])
        or _of_the_last_end(facts)
        or _of_firmware(found[CasePart.UPDATE])
        or NextAction.NOTHING
    )


def _blocking(part: CasePart, checks: Iterable[Check]) -> set[Reason]:
    return {check.reason for check in blockers(told_under(part, checks))}


def _of_the_way(facts: CaseFacts, reasons: set[Reason]) -> NextAction | None:
    error = facts.error
    if error in _HELD or reasons & _HELD:
        return NextAction.LET_GO_ELSEWHERE
    if error in _OF_THE_MAKER:
        return NextAction.MAKER
    if (
        error in _SILENT
        or facts.source is SourceProblem.AWAY
        or Reason.NOT_HEARD in reasons
    ):
        return NextAction.WAKE
    return NextAction.TRY_AGAIN if error is not None or reasons else None


def _of_firmware(reasons: set[Reason]) -> NextAction | None:
    """Return what to do about what stands against a release; its own remedy is told."""
    if reasons & _OF_THE_MAKER:
        return NextAction.MAKER
    return NextAction.TRY_AGAIN if reasons - SETTLING else None


def _of_the_last_end(facts: CaseFacts) -> NextAction | None:
    if (ended := facts.stands_badly) is None:
        return None
    if ended.door is not None or ended.reason in BOLT_PROBLEMS:
        return NextAction.GO_BACK if facts.can_go_back else NextAction.MAKER
    if is_fault_of_firmware(ended.reason):
        return NextAction.MAKER
    return NextAction.TRY_AGAIN
