"""What should not happen, kept to where it happens: one lock's fault stops no other.

Whoever looks after several locks, or does several things one after the other, does each
of them apart. What fails is logged once, and told until it works again; see ``issues``.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
import logging
from typing import Protocol

_LOGGER = logging.getLogger(__name__)


class _Lock(Protocol):
    """What is known of a lock by which people know it."""

    @property
    def subentry_id(self) -> str: ...

    @property
    def name(self) -> str: ...


class Faults:
    """The faults of the household, by what was to be done and for which lock."""

    def __init__(self) -> None:
        """Begin with none."""
        self._faults: dict[tuple[str, str | None], str] = {}
        self.revision = 0
        """Counts what has begun to fail, fails otherwise, or works again."""

    @contextmanager
    def apart(self, step: str, lock: _Lock | None = None) -> Iterator[None]:
        """Do something, for a lock or for all, so that nothing else fails with it."""
        failed: Exception | None = None
        try:
            yield
        except Exception as err:  # noqa: BLE001  whatever it is, it must not spread
            failed = err
        self._note(step, lock, failed)

    def call_each[*Ts](
        self,
        step: str,
        listeners: Iterable[Callable[[*Ts], None]],
        *args: *Ts,
        lock: _Lock | None = None,
    ) -> None:
        """Call everybody who listens, also when one of them fails."""
        failed: Exception | None = None
        for listener in tuple(listeners):
            try:
                listener(*args)
            except Exception as err:  # noqa: BLE001  whatever it is, it must not spread
                failed = failed or err
        self._note(step, lock, failed)

    def _note(self, step: str, lock: _Lock | None, failed: Exception | None) -> None:
        key = (step, lock.subentry_id if lock else None)
        whose = f"{lock.name}: " if lock else ""
        if failed is None:
            if self._faults.pop(key, None) is not None:
                self.revision += 1
                _LOGGER.info("%s%s works again", whose, step)
            return
        fault = type(failed).__name__
        if self._faults.get(key) != fault:
            self.revision += 1
            _LOGGER.error("%s%s failed", whose, step, exc_info=failed)
        self._faults[key] = fault

    def of(self, lock: _Lock | None) -> str | None:
        """Return what fails for a lock, or for none; None where nothing does."""
        lock_id = lock.subentry_id if lock else None
        found = sorted(
            f"{step}: {fault}"
            for (step, of), fault in self._faults.items()
            if of == lock_id
        )
        return ", ".join(found) or None

    def forget(self, lock_id: str) -> None:
        """Forget what has failed for a lock that is gone."""
        for key in [key for key in self._faults if key[1] == lock_id]:
            del self._faults[key]
            self.revision += 1
