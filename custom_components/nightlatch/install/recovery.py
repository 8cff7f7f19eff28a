"""Bringing locks out of their bootloader, by day and by night.

A lock that an installation of ours has left there is a door that does not open: it is
helped at once, and again and again. One that somebody else has sent there is not touched
before a person says so.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
import logging

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..core.installation.recovery import (
    Remedy,
    Tries,
    in_order,
    is_fault_of_firmware,
    what_left_it,
)
from ..core.model import Origin
from ..faults import Faults
from ..locks.lock import ManagedLock
from ..locks.registry import Changes, LockRegistry
from .installer import Installations, Installer
from .remedies import Remedies

_LOGGER = logging.getLogger(__name__)


@dataclass(slots=True)
class _Stranded:
    """What was tried on one lock since it was left in its bootloader."""

    tries: Tries = field(default_factory=Tries)
    faults: Counter[str] = field(default_factory=Counter)
    """How often which firmware has failed for a reason of its own, by its key."""
    busy: bool = False
    brought: Remedy | None = None
    """What a person has brought for it."""


class Recovering:
    """Helps the stranded locks of the household, one at a time."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        *,
        locks: LockRegistry,
        faults: Faults,
        installations: Installations,
        remedies: Remedies,
    ) -> None:
        """Prepare; ``async_start`` begins."""
        self._hass = hass
        self._entry = entry
        self._locks = locks
        self._faults = faults
        self._installations = installations
        self._remedies = remedies
        self._stranded: dict[str, _Stranded] = {}
        self._started = False

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Help from now on; return what ends that."""
        self._started = True
        self.async_look()
        unsubscribe = self._locks.async_subscribe(self._look_at_changed)

        @callback
        def stop() -> None:
            self._started = False
            unsubscribe()

        return stop

    @callback
    def async_look(self) -> None:
        """Help every lock whose turn it is."""
        if not self._started:
            return
        self._look_at(self._locks.keys())

    @callback
    def _look_at_changed(self, changes: Changes) -> None:
        self._look_at(self._locks.keys() if changes.household else changes.locks)

    @callback
    def _look_at(self, lock_ids: Iterable[str]) -> None:
        for lock_id in lock_ids:
            lock = self._locks[lock_id]
            if not lock.in_bootloader and lock_id not in self._stranded:
                # Most, each minute.
                continue
            with self._faults.apart("recovery", lock):
                self._look(lock)

    @callback
    def _look(self, lock: ManagedLock) -> None:
        left = what_left_it(lock.record)
        if left is None and not lock.in_bootloader:
            self._stranded.pop(lock.subentry_id, None)
        elif left is not None and lock.in_bootloader:
            due = self.next_try(lock)
            if due is None or due <= dt_util.utcnow():
                self._begin(lock, Origin.SCHEDULE)

    def next_try(self, lock: ManagedLock) -> datetime | None:
        """Return when a stranded lock is helped next; None for at once."""
        stranded = self._stranded.get(lock.subentry_id)
        return stranded.tries.due(dt_util.utcnow()) if stranded else None

    @callback
    def async_help_now(self, lock: ManagedLock, brought: Remedy | None = None) -> bool:
        """Help a lock because a person says so; return whether there is anything to do.

        From then on it is helped as if we had sent it to its bootloader. ``brought`` is
        what that person has for it, and comes before all that is known.
        """
        if not lock.in_bootloader or not (brought or self._remedies.of(lock)):
            return False
        self._begin(lock, Origin.PERSON, brought)
        return True

    @callback
    def _begin(
        self, lock: ManagedLock, origin: Origin, brought: Remedy | None = None
    ) -> None:
        stranded = self._stranded.get(lock.subentry_id)
        if stranded is None:
            stranded = self._stranded[lock.subentry_id] = _Stranded(
                faults=_known_faults(lock)
            )
        if brought is not None:
            stranded.brought = brought
        if stranded.busy or not self._remedies_of(lock, stranded):
            return
        stranded.busy = True
        self._entry.async_create_background_task(
            self._hass,
            self._async_help(lock, stranded, origin),
            f"recovery of {lock.name}",
        )

    async def _async_help(
        self, lock: ManagedLock, stranded: _Stranded, origin: Origin
    ) -> None:
        """Try what there is until the lock is out, or its radio is to blame."""
        tried = False
        try:
            installer = self._installations.of(lock)
            await installer.async_idle()
            for remedy in in_order(self._remedies_of(lock, stranded), stranded.faults):
                if lock.progress is not None or not lock.in_bootloader:
                    # Somebody else helps it, or it has helped itself.
                    break
                tried = True
                reason = await _async_try(lock, installer, remedy, origin)
                if not is_fault_of_firmware(reason):
                    break
                stranded.faults[remedy.release.key] += 1
        finally:
            stranded.busy = False
        if tried:
            stranded.tries = stranded.tries.ended(dt_util.utcnow())
        # What is shown of it says when the next try is.
        lock.async_changed()

    def _remedies_of(self, lock: ManagedLock, stranded: _Stranded) -> list[Remedy]:
        """Return what there is for a lock, what a person has brought first."""
        brought, known = stranded.brought, self._remedies.of(lock)
        if brought is None:
            return known
        key = brought.release.key
        return [brought, *(each for each in known if each.release.key != key)]


async def _async_try(
    lock: ManagedLock, installer: Installer, remedy: Remedy, origin: Origin
) -> str | None:
    """Try one remedy; return why it was in vain, or nothing."""
    try:
        await installer.async_recover(remedy.release, remedy.source, origin)
    except HomeAssistantError as err:
        # Everybody concerned has been told by the installation itself.
        _LOGGER.debug("%s: %s", lock.name, err)
        return err.translation_key
    return None


def _known_faults(lock: ManagedLock) -> Counter[str]:
    """Return what is on record of firmware that a stranded lock has refused."""
    faults: Counter[str] = Counter()
    left = what_left_it(lock.record)
    for outcome in {left, lock.record.outcome} if left else ():
        if outcome is not None and outcome.sha256 is not None:
            faults[outcome.sha256] += is_fault_of_firmware(outcome.reason)
    return faults
