"""How a lock stands when an installation on it is over: what may be said of it."""

from enum import StrEnum

from ..errors import NightlatchError, TransportProblem
from ..model import OutcomeKind
from ..versions import is_told_as
from .machine import Outcome

# What is said of a lock whose update was begun, and what of one that was not touched.
_UNTOUCHED_INSTEAD = {
    TransportProblem.DID_NOT_COME_BACK: TransportProblem.NOT_FOUND,
    TransportProblem.HELD_SINCE_RESTART: TransportProblem.HELD_ELSEWHERE,
}


class EndStanding(StrEnum):
    """What is known of a lock at the end, by how far it came and what the lock says."""

    UNTOUCHED = "untouched"
    """Nothing was begun on it."""
    TOLD = "told"
    """It has said what it runs, since."""
    IN_BOOTLOADER = "in_bootloader"
    UNKNOWN = "unknown"
    """It was touched, and has not said anything since."""


class Ended(StrEnum):
    """What is told where the sentence for an error says more than is so."""

    LEFT_BOOTLOADER = "ended_left_bootloader"
    PERHAPS_KEPT = "ended_perhaps_kept"


def standing_of(outcome: Outcome) -> EndStanding:
    """Return what is known of a lock."""
    if not outcome.touched:
        return EndStanding.UNTOUCHED
    if outcome.running is not None and outcome.told:
        return EndStanding.TOLD
    if outcome.in_bootloader:
        return EndStanding.IN_BOOTLOADER
    return EndStanding.UNKNOWN


def waits_in_bootloader(outcome: Outcome) -> bool:
    """Return whether it is to be said that the lock waits in its bootloader."""
    return outcome.in_bootloader and standing_of(outcome) is not EndStanding.TOLD


def what_to_tell(
    error: NightlatchError, outcome: Outcome, from_version: str
) -> StrEnum:
    """Return what has its sentence for why it ended: the error, or what fits better.

    ``from_version`` is what the lock ran before.
    """
    reason = error.reason
    if not outcome.touched and reason in _UNTOUCHED_INSTEAD:
        return _UNTOUCHED_INSTEAD[TransportProblem(reason)]
    if reason is TransportProblem.IN_BOOTLOADER and not waits_in_bootloader(outcome):
        return Ended.LEFT_BOOTLOADER
    if reason is TransportProblem.REVERTED:
        is_back = outcome.kind is OutcomeKind.ROLLED_BACK or (
            standing_of(outcome) is EndStanding.TOLD
            and outcome.running is not None
            and is_told_as(from_version, outcome.running.firmware_version)
        )
        return reason if is_back else Ended.PERHAPS_KEPT
    return reason
