"""The batteries."""

from typing import override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .door import DOORS, DoorEntity


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the battery of each door."""
    async_add_entities(DoorBattery(door) for door in hass.data[DOORS])


class DoorBattery(DoorEntity, SensorEntity):
    """A battery."""

    _attr_device_class = SensorDeviceClass.BATTERY
    _attr_native_unit_of_measurement = "%"
    _what = "battery"

    @property
    @override
    def native_value(self) -> int:
        return round(self.door.battery)
