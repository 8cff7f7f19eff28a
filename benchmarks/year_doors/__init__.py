"""An integration of a maker whose doors live through the year of ``benchmarks.year``.

Its entities are Home Assistant's own classes, so that progress, skips and what is
unavailable are what they are in a house.
"""

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

PLATFORMS = [Platform.BINARY_SENSOR, Platform.LOCK, Platform.SENSOR, Platform.UPDATE]


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Set up all doors."""
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Take them away."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
