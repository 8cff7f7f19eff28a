"""Following the entities of other integrations that belong to our locks.

They are renamed, moved to other devices and removed by people who do not think of us.
"""

from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, Event, callback
from homeassistant.helpers import entity_registry as er

from .const import (
    CONF_BATTERY_ENTITY,
    CONF_DOOR_ENTITY,
    CONF_LOCK_ENTITY,
    CONF_UPDATE_ENTITY,
    CONF_VERSION_ENTITY,
)

if TYPE_CHECKING:
    from .household import Household
    from .locks import ManagedLock

_LINKS = (
    CONF_BATTERY_ENTITY,
    CONF_DOOR_ENTITY,
    CONF_LOCK_ENTITY,
    CONF_UPDATE_ENTITY,
    CONF_VERSION_ENTITY,
)


@callback
def async_follow(household: Household) -> CALLBACK_TYPE:
    """Follow renames, moves and removals from now on; return what ends that."""

    @callback
    def changed(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        entity_id = data["entity_id"]
        before = entity_id
        if data["action"] == "update" and "old_entity_id" in data:
            before = data["old_entity_id"]
        for lock in tuple(household.locks.values()):
            with household.faults.apart("links", lock):
                if before != entity_id:
                    _rename(household, lock, before, entity_id)
                if lock.kind.anchor in {before, entity_id}:
                    _move(household, lock, lock.kind.anchor)
                    lock.async_changed()

    return household.hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, changed)


@callback
def _rename(household: Household, lock: ManagedLock, before: str, after: str) -> None:
    """Link a lock to an entity by its new name."""
    linked = household.entry.subentries[lock.subentry_id].data
    renamed = {key: after for key in _LINKS if linked.get(key) == before}
    if renamed:
        household.async_set_lock_data(lock, **renamed)


@callback
def _move(household: Household, lock: ManagedLock, anchor: str) -> None:
    """Put our entities where the lock is now; they follow by themselves."""
    registry = er.async_get(household.hass)
    if registry.async_get(anchor) is None:
        # Renamed just now, or gone; if gone, Home Assistant has detached them.
        return
    for entry in er.async_entries_for_config_entry(registry, household.entry.entry_id):
        if (
            entry.config_subentry_id == lock.subentry_id
            and entry.device_id != lock.device_id
        ):
            registry.async_update_entity(entry.entity_id, device_id=lock.device_id)
