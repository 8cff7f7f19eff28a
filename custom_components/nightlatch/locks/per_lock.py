"""What is computed of each lock, anew only of those of which something is new."""

from collections.abc import Callable
from datetime import datetime

from homeassistant.core import callback

from ..faults import Faults
from .lock import ManagedLock
from .registry import Changes, LockRegistry


class PerLock[T]:
    """Something of each lock that rests on its plan.

    A plan is good for a minute, and rests on what was installed on other locks, too; so
    with another minute or another past it is computed of all of them.
    """

    def __init__(
        self,
        locks: LockRegistry,
        faults: Faults,
        step: str,
        compute: Callable[[ManagedLock], T],
    ) -> None:
        """Take what computes it; ``step`` is what faults are told as."""
        self._locks = locks
        self._faults = faults
        self._step = step
        self._compute = compute
        self._good_for: tuple[int, datetime] | None = None
        self._of: dict[str, T] = {}

    @callback
    def look(self, changes: Changes | None, now: datetime) -> dict[str, T]:
        """Return it by the ids of the locks, without those where it failed.

        ``changes`` is what is new; None for anything.
        """
        good_for = self._locks.past_revision, now.replace(second=0, microsecond=0)
        if changes is None or changes.household or good_for != self._good_for:
            self._good_for = good_for
            self._of, ids = {}, tuple(self._locks)
        else:
            ids = tuple(changes.locks)
        for lock_id in ids:
            if (lock := self._locks.get(lock_id)) is None:
                continue
            found: list[T] = []
            with self._faults.apart(self._step, lock):
                found.append(self._compute(lock))
            if found:
                self._of[lock_id] = found[0]
            else:
                self._of.pop(lock_id, None)
        return self._of
