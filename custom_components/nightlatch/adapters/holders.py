"""Who else reaches a lock over Bluetooth, and may hold its only connection.

No integration can be asked for the connection: there is no action for it, and to change
the options of another one, or to disable it, is its owner's decision. So it is told
beforehand who has to let go.
"""

from collections.abc import Iterator
from typing import Final

from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.loader import IntegrationNotLoaded, async_get_loaded_integration

from .entities import is_silent

_ALWAYS_CONNECTED: Final = "always_connected"
"""The option of an integration to stay connected to its lock (yalexs_ble, const.py)."""


def reached_by(
    hass: HomeAssistant, address: str, lock_entity: str | None
) -> str | None:
    """Return the name of the integration that reaches a lock now, by what it tells.

    That of the entity where nobody knows whose it is; None where nothing reaches it.
    """
    if lock_entity is not None and not is_silent(hass, lock_entity):
        entry = er.async_get(hass).async_get(lock_entity)
        if entry is not None:
            return _integration(hass, entry.platform)
        state = hass.states.get(lock_entity)
        return state.name if state else None
    for device in _devices(hass, address):
        for each in er.async_entries_for_device(er.async_get(hass), device.id):
            # Others may only listen to what it advertises, or remember it.
            if each.domain == LOCK_DOMAIN and not is_silent(hass, each.entity_id):
                return _integration(hass, each.platform)
    return None


def always_connected(
    hass: HomeAssistant, address: str, lock_entity: str | None
) -> str | None:
    """Return who is set to be always connected to a lock, as its owner knows it."""
    for entry in entries_at(hass, address, lock_entity):
        if entry.options.get(_ALWAYS_CONNECTED) is True and entry.disabled_by is None:
            return named(hass, entry)
    return None


def named(hass: HomeAssistant, entry: ConfigEntry) -> str:
    """Return what its owner knows an entry by."""
    return f"{_integration(hass, entry.domain)} ({entry.title})"


def entries_at(
    hass: HomeAssistant, address: str, lock_entity: str | None
) -> Iterator[ConfigEntry]:
    """Return the entries of integrations that take care of a lock, ours too."""
    linked = er.async_get(hass).async_get(lock_entity) if lock_entity else None
    ids = [linked.config_entry_id] if linked and linked.config_entry_id else []
    ids += [device.config_entry_id for device in _devices(hass, address)]
    for entry_id in ids:
        if (entry := hass.config_entries.async_get_entry(entry_id)) is not None:
            yield entry


def _devices(hass: HomeAssistant, address: str) -> list[dr.DeviceEntry]:
    """Return what integrations have at a Bluetooth address."""
    return dr.async_get(hass).async_get_devices(
        connections={(dr.CONNECTION_BLUETOOTH, address)}
    )


def _integration(hass: HomeAssistant, domain: str) -> str:
    try:
        return async_get_loaded_integration(hass, domain).name
    except IntegrationNotLoaded:
        return domain
