"""The contacts."""

from typing import override

from homeassistant.components.binary_sensor import (
    BinarySensorDeviceClass,
    BinarySensorEntity,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .door import DOORS, DoorEntity


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the contact of each door."""
    async_add_entities(DoorContact(door) for door in hass.data[DOORS])


class DoorContact(DoorEntity, BinarySensorEntity):
    """Whether a door stands open."""

    _attr_device_class = BinarySensorDeviceClass.DOOR
    _what = "contact"

    @property
    @override
    def is_on(self) -> bool:
        return not self.door.shut
