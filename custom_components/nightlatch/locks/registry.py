"""Which locks there are, and what is new about them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final, Self, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

from ..const import EVENT_NIGHTLATCH
from ..events import Happening
from ..faults import Faults
from ..members import Members
from ..turns import Turns
from .lock import LockListener, ManagedLock


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What has become new in one turn of the loop."""

    locks: frozenset[str]
    """The ids of the locks of which something is new."""
    household: bool
    """Whether something that concerns all of them is: settings, feeds, the vault."""
    settings: bool
    """Whether that is, or may be, what the owner has set."""

    def joined(self, later: Self) -> Self:
        """Return what has become new in one turn or the other."""
        return replace(
            self,
            locks=self.locks | later.locks,
            household=self.household or later.household,
            settings=self.settings or later.settings,
        )


type ChangesCallback = Callable[[Changes], None]
type MinuteCallback = Callable[[frozenset[str]], None]
type LockHappeningCallback = Callable[[ManagedLock, Happening, dict[str, str]], None]


# Seconds. One whose entities cannot be made is told of all the same.
_ENTITIES_WITHIN: Final = 10.0


def _tell_entities(locks: tuple[ManagedLock, ...]) -> None:
    for lock in locks:
        lock.async_tell_entities()


class LockRegistry(Members[ManagedLock], LockListener):
    """The locks of the household; whoever depends on several of them listens here.

    What is new is told once a turn of the loop, however much of it there is: a lock that
    tells something five times in a row is looked at once, and nobody looks at the others
    because of it. What somebody computes from all locks is good for one ``revision``.
    """

    def __init__(self, hass: HomeAssistant, faults: Faults) -> None:
        """Begin with no lock."""
        super().__init__()
        self._hass = hass
        self._faults = faults
        self.revision = 0
        """Counts what has become new: what was computed at another one is out of date."""
        self.past_revision = 0
        """Counts only what is new in what the plans of all rest on: what was installed,
        on which locks."""
        self.household_revision = 0
        """Counts only what is new about the household."""
        self._entities = Turns(hass, _tell_entities)
        self._listeners: set[ChangesCallback] = set()
        self._minutes: set[MinuteCallback] = set()
        self._happened: set[LockHappeningCallback] = set()
        self._new: set[str] = set()
        self._household_is_new = self._settings_are_new = False
        self._is_to_be_told = False
        self.is_closing = False
        """Whether they are being let go of: nobody takes those that are left for all."""
        self._closed = False
        self._unnamed: dict[str, list[Callable[[], None]]] = {}
        """What has happened to locks that have no entity yet."""
        self._stop_waiting: dict[str, CALLBACK_TYPE] = {}

    @callback
    def async_begin_closing(self) -> None:
        """Note that one lock after the other will be let go of now."""
        self.is_closing = True

    @callback
    def async_close(self) -> None:
        """Tell nobody anything any more, but what has happened already."""
        self._closed = True
        for lock_id in tuple(self._unnamed):
            self._tell_unnamed(lock_id)

    @callback
    def async_subscribe(self, listener: ChangesCallback) -> Callable[[], None]:
        """Call back once a turn with what is new; return what ends that."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    @callback
    def async_on_minute(self, passed: MinuteCallback) -> Callable[[], None]:
        """Call back each minute with the locks that the time alone may have changed."""
        self._minutes.add(passed)
        return lambda: self._minutes.discard(passed)

    @callback
    def async_minute(self, lock_ids: frozenset[str] = frozenset()) -> None:
        """Tell that a minute has passed, and which locks that may have changed."""
        self._faults.call_each("minute", self._minutes, lock_ids)

    @callback
    def async_changed(self, *, settings: bool = False) -> None:
        """Note that something about the household is new; its settings, where told so."""
        self._household_is_new = True
        self.household_revision += 1
        self._settings_are_new |= settings
        self._tell_soon()

    @override
    @callback
    def async_lock_changed(self, lock: ManagedLock) -> None:
        """Note that something about a lock is new."""
        if self._closed:
            lock.async_tell_entities()
            return
        self._new.add(lock.subentry_id)
        self._tell_soon()
        self._entities.async_note(lock)

    @override
    @callback
    def async_lock_touched(self, *, past: bool) -> None:
        """Note that something is new of which people are told later, if at all."""
        self.revision += 1
        if past:
            self.past_revision += 1

    @override
    @callback
    def async_add(self, subentry_id: str, member: ManagedLock) -> None:
        """Take a lock with its past, without telling of it yet."""
        super().async_add(subentry_id, member)
        self.async_lock_touched(past=True)

    @override
    @callback
    def async_drop(self, subentry_id: str) -> ManagedLock:
        """Forget a lock with its past, and return it."""
        self.async_lock_touched(past=True)
        return super().async_drop(subentry_id)

    @callback
    def _tell_soon(self) -> None:
        self.revision += 1
        if not self._is_to_be_told and not self._closed:
            self._is_to_be_told = True
            self._hass.loop.call_soon(self._tell)

    @callback
    def _tell(self) -> None:
        changes = Changes(
            locks=frozenset(self._new & self.keys()),
            household=self._household_is_new,
            settings=self._settings_are_new,
        )
        self._new.clear()
        self._household_is_new = self._settings_are_new = self._is_to_be_told = False
        if not self._closed:
            self._faults.call_each("listeners", self._listeners, changes)

    @callback
    def async_select(self, feed_id: str | None = None) -> None:
        """Let them choose their releases anew: all, or those of a feed."""
        for lock in tuple(self.values()):
            if feed_id in {None, lock.feed_id}:
                with self._faults.apart("selection", lock):
                    lock.async_select()

    @callback
    def async_on_happening(self, happened: LockHappeningCallback) -> Callable[[], None]:
        """Call back whenever something has happened to any lock."""
        self._happened.add(happened)
        return lambda: self._happened.discard(happened)

    @override
    @callback
    def async_lock_happened(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        """Tell everybody, in the house and on the bus, what has happened to a lock."""
        if lock.update_entity_id is None and not self._closed:
            # Its entities are still being made; what it is known by comes with them.
            self._unnamed.setdefault(lock.subentry_id, []).append(
                partial(self._tell_happened, lock, happening, details)
            )
            if lock.subentry_id not in self._stop_waiting:
                self._stop_waiting[lock.subentry_id] = async_call_later(
                    self._hass,
                    _ENTITIES_WITHIN,
                    partial(self._tell_unnamed, lock.subentry_id),
                )
            return
        self._tell_happened(lock, happening, details)

    @callback
    def async_has_entities(self, lock_id: str) -> None:
        """Tell what has happened to a lock before it had any entity."""
        self._tell_unnamed(lock_id)

    @callback
    def async_forget(self, lock_id: str) -> None:
        """Tell nothing of a lock that was removed before it had any entity."""
        self._unnamed.pop(lock_id, None)
        if (stop := self._stop_waiting.pop(lock_id, None)) is not None:
            stop()

    @callback
    def _tell_unnamed(self, lock_id: str, _now: datetime | None = None) -> None:
        if (stop := self._stop_waiting.pop(lock_id, None)) is not None:
            stop()
        for tell in self._unnamed.pop(lock_id, ()):
            tell()

    @callback
    def _tell_happened(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        # Who hears of it may look at the lock's entities.
        self._entities.async_hurry(lock)
        self._faults.call_each(
            "notices", self._happened, lock, happening, details, lock=lock
        )
        self._hass.bus.async_fire(
            EVENT_NIGHTLATCH,
            {
                "type": str(happening),
                "device_id": lock.device_id,
                "entity_id": lock.update_entity_id,
                "name": lock.name,
                **details,
            },
        )
