"""The states of an installation, and how it goes from one to the next.

docs/installation.md has the same table for people; a test holds them together.
"""

from enum import StrEnum


class State(StrEnum):
    """Where an installation is."""

    PLANNED = "planned"
    FETCHING = "fetching"
    VERIFYING = "verifying"
    PREFLIGHT = "preflight"
    SNAPSHOT = "snapshot"
    TRANSFERRING = "transferring"
    ACTIVATING = "activating"
    CONFIRMING = "confirming"
    REVERTING = "reverting"
    """The new firmware is not well; the lock goes back to its old one."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    NEEDS_HAND = "needs_hand"
    CANCELLED = "cancelled"
    POSTPONED = "postponed"


class Event(StrEnum):
    """What happens to an installation."""

    TURN = "turn"
    """It is the lock's turn; or Home Assistant is back, and it starts anew."""
    FETCHED = "fetched"
    VERIFIED = "verified"
    BLOCKED = "blocked"
    """A rule of preflight stands against it."""
    CLEARED = "cleared"
    """All rules of preflight are met."""
    REMEMBERED = "remembered"
    """What the lock was like is written down."""
    SENT = "sent"
    """Everything has arrived; the lock is about to be told to activate it."""
    ACTIVATED = "activated"
    """The lock restarts."""
    INTERRUPTED = "interrupted"
    """It was cut off, cancelled or refused with the lock in its bootloader."""
    CONFIRMED = "confirmed"
    """The lock runs the release and works."""
    OLD_VERSION = "old_version"
    """The lock runs something else."""
    NOT_WELL = "not_well"
    """The lock is silent, stays in its bootloader, or does not work as before."""
    TAKE_BACK = "take_back"
    """The lock runs the release on trial and is not well, so it is told to go back."""
    REVERTED = "reverted"
    """The lock has gone back: it runs what it ran before, and works."""
    FAILURE = "failure"
    CANCEL = "cancel"


TOUCHED = frozenset(
    {State.TRANSFERRING, State.ACTIVATING, State.CONFIRMING, State.REVERTING}
)
"""The lock may run anything, or nothing: it has to be asked."""
CANCELLABLE = frozenset(
    {
        State.PLANNED,
        State.FETCHING,
        State.VERIFYING,
        State.PREFLIGHT,
        State.SNAPSHOT,
        State.TRANSFERRING,
    }
)

TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.PLANNED, Event.TURN): State.FETCHING,
    (State.PLANNED, Event.CANCEL): State.CANCELLED,
    (State.FETCHING, Event.TURN): State.FETCHING,
    (State.FETCHING, Event.FETCHED): State.VERIFYING,
    (State.FETCHING, Event.FAILURE): State.FAILED,
    (State.FETCHING, Event.CANCEL): State.CANCELLED,
    (State.FETCHING, Event.INTERRUPTED): State.CONFIRMING,
    (State.VERIFYING, Event.TURN): State.FETCHING,
    (State.VERIFYING, Event.VERIFIED): State.PREFLIGHT,
    (State.VERIFYING, Event.FAILURE): State.FAILED,
    (State.VERIFYING, Event.CANCEL): State.CANCELLED,
    (State.VERIFYING, Event.INTERRUPTED): State.CONFIRMING,
    (State.PREFLIGHT, Event.TURN): State.FETCHING,
    (State.PREFLIGHT, Event.BLOCKED): State.POSTPONED,
    (State.PREFLIGHT, Event.CLEARED): State.SNAPSHOT,
    (State.PREFLIGHT, Event.FAILURE): State.FAILED,
    (State.PREFLIGHT, Event.CANCEL): State.CANCELLED,
    (State.PREFLIGHT, Event.INTERRUPTED): State.CONFIRMING,
    (State.SNAPSHOT, Event.TURN): State.FETCHING,
    (State.SNAPSHOT, Event.REMEMBERED): State.TRANSFERRING,
    (State.SNAPSHOT, Event.FAILURE): State.FAILED,
    (State.SNAPSHOT, Event.CANCEL): State.CANCELLED,
    (State.SNAPSHOT, Event.INTERRUPTED): State.CONFIRMING,
    (State.TRANSFERRING, Event.TURN): State.FETCHING,
    (State.TRANSFERRING, Event.SENT): State.ACTIVATING,
    (State.TRANSFERRING, Event.INTERRUPTED): State.CONFIRMING,
    (State.ACTIVATING, Event.TURN): State.FETCHING,
    (State.ACTIVATING, Event.SENT): State.ACTIVATING,
    (State.ACTIVATING, Event.ACTIVATED): State.CONFIRMING,
    (State.ACTIVATING, Event.INTERRUPTED): State.CONFIRMING,
    (State.CONFIRMING, Event.TURN): State.FETCHING,
    (State.CONFIRMING, Event.INTERRUPTED): State.CONFIRMING,
    (State.CONFIRMING, Event.CONFIRMED): State.SUCCEEDED,
    (State.CONFIRMING, Event.OLD_VERSION): State.FAILED,
    (State.CONFIRMING, Event.NOT_WELL): State.NEEDS_HAND,
    (State.CONFIRMING, Event.CANCEL): State.CANCELLED,
    (State.CONFIRMING, Event.TAKE_BACK): State.REVERTING,
    (State.CONFIRMING, Event.REVERTED): State.ROLLED_BACK,
    (State.REVERTING, Event.TAKE_BACK): State.REVERTING,
    (State.REVERTING, Event.REVERTED): State.ROLLED_BACK,
    (State.REVERTING, Event.NOT_WELL): State.NEEDS_HAND,
}


def step(state: State, event: Event) -> State:
    """Return the next state; raise ``ValueError`` where there is none."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise ValueError(f"{event} does not happen while {state}") from None
