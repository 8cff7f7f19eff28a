"""What is computed of each lock, anew only of those of which something is new."""

from collections.abc import Callable

from homeassistant.core import callback

from ..faults import Faults
from .lock import ManagedLock
from .registry import Changes, LockRegistry


class PerLock[T]:
    """Something of each lock that rests on its plan.

    A plan rests on what was installed on other locks, too; so with another past it is
    computed of all of them. What the time alone may have changed, the minute tells.
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
        self._past: int | None = None
        self._of: dict[str, T] = {}
        self._timed: set[str] = set()
        """Those that the time alone may have changed since."""

    @callback
    def async_minute_passed(self, lock_ids: frozenset[str]) -> None:
        """Compute it anew of some locks, when somebody looks next."""
        self._timed |= lock_ids

    @callback
    def look(self, changes: Changes | None) -> dict[str, T]:
        """Return it by the ids of the locks, without those where it failed.

        ``changes`` is what is new; None for anything.
        """
        past = self._locks.past_revision
        if changes is None or changes.household or past != self._past:
            self._past = past
            self._of, ids = {}, tuple(self._locks)
        else:
            ids = tuple(changes.locks | self._timed)
        self._timed.clear()
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
