"""What proves a lock's firmware, and whether there is a way back: in one sentence each."""

from ..core.model import Evidence, Release
from ..core.preflight.risk import WayBack
from ..core.versions import is_same_version
from ..install.ways_back import against, ways_back
from ..locks.lock import ManagedLock
from ..planning.planner import Planner
from ..texts.keeper import told_of_keeper
from ..translation import told_now
from ..vault.store import HouseholdVault

_WAYS_BACK = {WayBack.KEPT, WayBack.ON_TRIAL}


def evidence_of(lock: ManagedLock) -> Evidence:
    """Return what proves where its firmware comes from: that which it should get.

    Where it should get none, that which is on offer for its model.
    """
    release = _looked_at(lock)
    return release.evidence if release is not None else Evidence.NOTHING_KNOWN


def told_evidence(lock: ManagedLock) -> str:
    """Return the same in words; of a keeper's release that it is one, above all."""
    release = _looked_at(lock)
    if release is not None and release.keeper is not None:
        return told_of_keeper(lock.hass, release)
    return told_now(lock.hass, f"evidence_{evidence_of(lock)}")


def keeper_of(lock: ManagedLock) -> str | None:
    """Return who has signed for its firmware, where that is a keeper."""
    release = _looked_at(lock)
    return release.keeper if release is not None else None


def _looked_at(lock: ManagedLock) -> Release | None:
    if lock.release is not None:
        return lock.release
    return next(iter(lock.kind.on_offer()), None)


def goes_back(lock: ManagedLock, vault: HouseholdVault) -> bool:
    """Return whether it can have what it ran last before, without opening a hole."""
    ran = lock.record.ran
    return bool(ran) and any(
        is_same_version(kept.release.version.text, ran[-1])
        and against(lock, kept) is None
        for kept in ways_back(lock, vault)
    )


def has_way_back(lock: ManagedLock, planner: Planner, vault: HouseholdVault) -> bool:
    """Return whether it has a way back: after its next update, or from what it runs."""
    way = _after_update(lock, planner)
    return way in _WAYS_BACK if way is not None else goes_back(lock, vault)


def told_way_back(lock: ManagedLock, planner: Planner, vault: HouseholdVault) -> str:
    """Return the same in words."""
    if (way := _after_update(lock, planner)) is not None:
        return told_now(lock.hass, f"risk_way_back_{way}")
    if goes_back(lock, vault):
        return told_now(lock.hass, "panel_could_go_back", version=lock.record.ran[-1])
    if older := ways_back(lock, vault):
        version = older[0].release.version.text
        key = (
            "panel_back_chosen"
            if against(lock, older[0]) is None
            else "panel_back_open"
        )
        return told_now(lock.hass, key, version=version)
    return told_now(lock.hass, "panel_no_way_back")


def _after_update(lock: ManagedLock, planner: Planner) -> WayBack | None:
    release = lock.release
    return planner.risk(lock, release).way_back if release is not None else None
