"""How a lock is after what was done to it: does a person have to look at it."""

from ..adapters.entities import read_surroundings
from ..core.installation.confirmation import BOLT_PROBLEMS, RESTING
from ..core.model import OutcomeKind
from ..core.versions import is_told_as
from ..locks.lock import ManagedLock


def needs_attention(lock: ManagedLock) -> bool:
    """Return whether a person should look at a lock."""
    return (
        lock.in_bootloader
        or lock.kind.trouble is not None
        or lock.misbehaves
        or needs_hand(lock)
        or _has_failed(lock)
    )


def needs_hand(lock: ManagedLock) -> bool:
    """Return whether the last installation left a lock that a person must see to.

    Until it has told since that it runs, and works; and where it is only its next restart
    that ends something, until that has come.
    """
    outcome = lock.record.outcome
    if outcome is None or outcome.kind is not OutcomeKind.NEEDS_HAND:
        return False
    if outcome.waits_for_restart:
        # How it ends then is an outcome of its own.
        return True
    if outcome.left_on_trial:
        return is_told_as(outcome.to_version, lock.record.identity.firmware_version)
    if outcome.reason not in BOLT_PROBLEMS:
        if lock.record.read_at <= outcome.ended:
            return True
        if outcome.door is None:
            return False
    seen = read_surroundings(
        lock.hass,
        lock_entity=lock.links.lock_entity,
        battery_entity=None,
        door_entity=None,
    )
    return (
        seen.bolt not in RESTING
        or seen.bolt_since is None
        or seen.bolt_since <= outcome.ended
    )


def _has_failed(lock: ManagedLock) -> bool:
    """Return whether the last installation failed, and that has not become history."""
    outcome, attempted = lock.record.outcome, lock.record.attempted
    if outcome is None or outcome.kind not in {
        OutcomeKind.FAILED,
        OutcomeKind.NEEDS_HAND,
        OutcomeKind.ROLLED_BACK,
    }:
        return False
    if not lock.kind.knows_latest:
        return True
    if lock.release is not None:
        # Being brought back to what it ran does not make what failed history.
        failed = attempted or outcome
        return lock.release.version.text == failed.to_version
    return False
