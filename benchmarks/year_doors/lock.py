"""The bolts."""

from typing import Any, override

from homeassistant.components.lock import LockEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .door import DOORS, DoorEntity


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the bolt of each door."""
    async_add_entities(DoorBolt(door) for door in hass.data[DOORS])


class DoorBolt(DoorEntity, LockEntity):
    """A bolt."""

    _what = "lock"

    @property
    @override
    def is_locked(self) -> bool:
        return self.door.locked

    @override
    async def async_lock(self, **kwargs: Any) -> None:
        self.door.locked = True
        self.door.told()

    @override
    async def async_unlock(self, **kwargs: Any) -> None:
        self.door.locked = False
        self.door.told()
