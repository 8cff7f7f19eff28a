"""Following the entities of other integrations that belong to our locks.

They are renamed, moved to other devices and removed by people who do not think of us.
"""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from ..const import (
    CONF_BATTERY_ENTITY,
    CONF_DOOR_ENTITY,
    CONF_LOCK_ENTITY,
    CONF_UPDATE_ENTITY,
    CONF_VERSION_ENTITY,
)
from ..faults import Faults
from ..household_settings import HouseholdSettings
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry

_LINKS = (
    CONF_BATTERY_ENTITY,
    CONF_DOOR_ENTITY,
    CONF_LOCK_ENTITY,
    CONF_UPDATE_ENTITY,
    CONF_VERSION_ENTITY,
)


class EntityLinks:
    """Keeps the locks linked to the entities that they were linked to."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        settings: HouseholdSettings,
        locks: LockRegistry,
        faults: Faults,
    ) -> None:
        """Take the locks; ``async_start`` begins."""
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._locks = locks
        self._faults = faults
        self._linked: dict[str, list[ManagedLock]] = {}
        """The locks by all entities that they are linked to."""
        self._linked_at: int | None = None

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Follow renames, moves and removals from now on; return what ends that."""
        return self._hass.bus.async_listen(
            er.EVENT_ENTITY_REGISTRY_UPDATED, self._registry_changed
        )

    @callback
    def _registry_changed(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        data = event.data
        entity_id = data["entity_id"]
        before = entity_id
        if data["action"] == "update" and "old_entity_id" in data:
            before = data["old_entity_id"]
        linked = self._linked_now()
        for lock in {*linked.get(before, ()), *linked.get(entity_id, ())}:
            with self._faults.apart("links", lock):
                if before != entity_id:
                    self._rename(lock, before, entity_id)
                if lock.kind.anchor in {before, entity_id}:
                    if _may_have_moved(data):
                        self._move(lock, lock.kind.anchor)
                    lock.async_changed()

    def _linked_now(self) -> dict[str, list[ManagedLock]]:
        """Return the locks by their entities; anew where one came, went or was set."""
        if self._linked_at != self._locks.past_revision:
            self._linked_at = self._locks.past_revision
            self._linked = {}
            for lock in self._locks.values():
                data = self._entry.subentries[lock.subentry_id].data
                for entity_id in {*map(data.get, _LINKS), lock.kind.anchor} - {None}:
                    self._linked.setdefault(str(entity_id), []).append(lock)
        return self._linked

    @callback
    def _rename(self, lock: ManagedLock, before: str, after: str) -> None:
        """Link a lock to an entity by its new name."""
        linked = self._entry.subentries[lock.subentry_id].data
        renamed = {key: after for key in _LINKS if linked.get(key) == before}
        if renamed:
            self._settings.async_set_lock_data(lock.subentry_id, **renamed)

    @callback
    def _move(self, lock: ManagedLock, anchor: str) -> None:
        """Put our entities where the lock is now; they follow by themselves."""
        registry = er.async_get(self._hass)
        if registry.async_get(anchor) is None:
            # Renamed just now, or gone; if gone, Home Assistant has detached them.
            return
        for entry in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if (
                entry.config_subentry_id == lock.subentry_id
                and entry.device_id != lock.device_id
            ):
                registry.async_update_entity(entry.entity_id, device_id=lock.device_id)


def _may_have_moved(data: er.EventEntityRegistryUpdatedData) -> bool:
    """Return whether an entity may be on another device than before.

    To look for ours costs a look at those of all locks, and integrations tell of much
    else: a broker that is back describes each of its entities anew.
    """
    return data["action"] != "update" or not data["changes"].keys().isdisjoint(
        {"device_id", "entity_id"}
    )
