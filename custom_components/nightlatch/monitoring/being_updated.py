"""May a lock behave strangely now, because it gets other firmware."""

from ..locks.lock import ManagedLock


def is_being_updated(lock: ManagedLock) -> bool:
    """Return whether a lock is at an update, from the first touch to proof or end.

    What is only heard of it does not count: alarms are silenced by this, and anybody can
    advertise a bootloader.
    """
    progress, cut_off = lock.progress, lock.cut_off
    return (
        (progress is not None and progress.unsettles)
        or (cut_off is not None and cut_off.may_run_anything)
        or lock.kind.updated_elsewhere
    )
