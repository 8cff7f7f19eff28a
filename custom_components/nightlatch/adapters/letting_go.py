"""Having other integrations let go of a lock for a while, and take it again.

Their entry is unloaded, not disabled: nothing is changed that would outlive a restart.
"""

from collections.abc import Iterator

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    OperationNotAllowed,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from .holders import entries_at, named


def _is_of_one_lock(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Return whether nothing else goes when an entry does."""
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    return len(devices) == 1


def _holders(hass: HomeAssistant, address: str) -> Iterator[ConfigEntry]:
    found = {each.entry_id: each for each in entries_at(hass, address, None)}
    for entry in found.values():
        if entry.domain != DOMAIN and entry.state is ConfigEntryState.LOADED:
            yield entry


async def async_unload_holders(
    hass: HomeAssistant, address: str
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Unload who reaches a lock over Bluetooth; return whom, by entry, and who stays."""
    gone: dict[str, str] = {}
    stays: list[str] = []
    for entry in _holders(hass, address):
        name = named(hass, entry)
        unloaded = False
        if _is_of_one_lock(hass, entry):
            try:
                unloaded = await hass.config_entries.async_unload(entry.entry_id)
            except OperationNotAllowed:
                unloaded = False
        if unloaded:
            gone[entry.entry_id] = name
        else:
            stays.append(name)
    return gone, tuple(stays)


async def async_load_again(hass: HomeAssistant, entry_ids: tuple[str, ...]) -> None:
    """Set up again what was unloaded, where nobody has done anything with it since."""
    for entry_id in entry_ids:
        entry = hass.config_entries.async_get_entry(entry_id)
        if (
            entry is not None
            and entry.state is ConfigEntryState.NOT_LOADED
            and entry.disabled_by is None
        ):
            await hass.config_entries.async_setup(entry_id)
