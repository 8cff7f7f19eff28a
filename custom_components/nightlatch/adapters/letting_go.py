"""Having other integrations let go of a lock for a while, and take it again.

Their entry is unloaded, not disabled: whether an entry is loaded stands on no disk, so
Home Assistant itself sets it up at its next start, whatever became of us.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from homeassistant.components.lock import DOMAIN as LOCK_DOMAIN
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    OperationNotAllowed,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..const import DOMAIN
from .holders import entries_at, named

# Seconds for an integration to disconnect; most take a moment.
_UNLOADED_WITHIN = 30.0


def _has_lock(
    hass: HomeAssistant, entry: ConfigEntry, devices: Iterable[dr.DeviceEntry]
) -> bool:
    """Return whether one of the devices is a lock of an entry.

    Others only listen to what a lock advertises, and hold nothing.
    """
    return any(
        each.domain == LOCK_DOMAIN and each.config_entry_id == entry.entry_id
        for device in devices
        for each in er.async_entries_for_device(
            er.async_get(hass), device.id, include_disabled_entities=True
        )
    )


def _may_go(entry: ConfigEntry, devices: Iterable[dr.DeviceEntry]) -> bool:
    """Return whether nothing else goes with it, and it comes back.

    One that cannot be unloaded would be lost until the next restart.
    """
    return len(tuple(devices)) == 1 and entry.supports_unload is True


def _holders(
    hass: HomeAssistant, address: str
) -> Iterator[tuple[ConfigEntry, list[dr.DeviceEntry]]]:
    """Return whose lock is at an address, with all devices that they have."""
    registry = dr.async_get(hass)
    found = {each.entry_id: each for each in entries_at(hass, address, None)}
    for entry in found.values():
        devices = dr.async_entries_for_config_entry(registry, entry.entry_id)
        here = [
            each
            for each in devices
            if (dr.CONNECTION_BLUETOOTH, address) in each.connections
        ]
        if (
            entry.domain != DOMAIN
            and entry.state is ConfigEntryState.LOADED
            and _has_lock(hass, entry, here)
        ):
            yield entry, devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What other integrations have done about a lock."""

    unloaded: tuple[str, ...] = ()
    """The entries to be set up again, by their ids."""
    gone: tuple[str, ...] = ()
    """Who has let go, by name."""
    stays: tuple[str, ...] = ()
    """Who has not."""


async def async_unload_holders(
    hass: HomeAssistant, address: str, before: Elsewhere
) -> Elsewhere:
    """Unload who holds a lock over Bluetooth, beside those who have let go before."""
    unloaded, gone = list(before.unloaded), list(before.gone)
    stays: list[str] = []
    for entry, devices in tuple(_holders(hass, address)):
        name = named(hass, entry)
        let_go = False
        if _may_go(entry, devices):
            let_go, begun = await _async_unload(hass, entry)
            if begun:
                unloaded.append(entry.entry_id)
        (gone if let_go else stays).append(name)
    return Elsewhere(
        unloaded=tuple(dict.fromkeys(unloaded)),
        gone=tuple(dict.fromkeys(gone)),
        stays=tuple(stays),
    )


async def _async_unload(hass: HomeAssistant, entry: ConfigEntry) -> tuple[bool, bool]:
    """Unload one; return whether it has let go, and whether that was begun.

    It is never cancelled in the middle: who is slow is not waited for.
    """
    task = hass.async_create_task(
        hass.config_entries.async_unload(entry.entry_id), f"unload {entry.title}"
    )
    done, _ = await asyncio.wait({task}, timeout=_UNLOADED_WITHIN)
    if not done:
        return False, True
    try:
        return await task, True
    except OperationNotAllowed:
        return False, False


@callback
def async_load_again(hass: HomeAssistant, entry_ids: Iterable[str]) -> None:
    """Set up again what was unloaded, where nobody has done anything with it since.

    Home Assistant waits for it, not we: it outlives our own unloading, and one that is
    slow holds up no other.
    """
    for entry_id in entry_ids:
        hass.async_create_task(_async_load(hass, entry_id), f"set up {entry_id}")


async def _async_load(hass: HomeAssistant, entry_id: str) -> None:
    entry = hass.config_entries.async_get_entry(entry_id)
    if entry is None:
        return
    async with entry.setup_lock:
        # Who is still unloading is waited for.
        pass
    if (
        entry.state is ConfigEntryState.NOT_LOADED
        and entry.disabled_by is None
        and hass.config_entries.async_get_entry(entry_id) is entry
    ):
        await hass.config_entries.async_setup(entry_id)
