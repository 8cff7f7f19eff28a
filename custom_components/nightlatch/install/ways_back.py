"""What a lock could go back to, out of what is kept of what it ran before."""

from ..core.model import Purpose
from ..core.records.kept_release import KeptRelease
from ..core.select import PassedOver, reason_against
from ..locks.lock import ManagedLock
from ..vault.store import HouseholdVault


def ways_back(lock: ManagedLock, vault: HouseholdVault) -> tuple[KeptRelease, ...]:
    """Return what a lock ran before, is kept, and is taken back by it; newest first."""
    return tuple(
        kept
        for kept in kept_before(lock, vault)
        if against(lock, kept) in {None, PassedOver.BELOW_SECURITY_FLOOR}
        and not lock.as_told(kept.release).is_halted
    )


def kept_before(lock: ManagedLock, vault: HouseholdVault) -> tuple[KeptRelease, ...]:
    """Return what a lock ran before, and could be sent; newest first."""
    if not lock.kind.sends_firmware or vault.problem is not None:
        return ()
    return tuple(kept for kept in vault.ran_before(lock) if kept.can_be_sent)


def against(lock: ManagedLock, kept: KeptRelease) -> PassedOver | None:
    """Return what stands against going back to it."""
    return reason_against(
        kept.release,
        lock.record.identity,
        kept.release.version.scheme,
        lock.floor,
        Purpose.ROLLBACK,
    )
