"""What the radios and Home Assistant itself are up to."""

from homeassistant.components import bluetooth
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.preflight.situation import RadioState
from .entities import reached_by

BACKUP_RUNNING: HassKey[bool] = HassKey(f"{DOMAIN}_backup_running")


def read_radio(
    hass: HomeAssistant, address: str, lock_entity: str | None = None
) -> RadioState:
    """Return how well a lock is heard, and whether a connection to it can be had.

    ``lock_entity`` is another integration's, which may reach the lock all the same.
    """
    info = bluetooth.async_last_service_info(hass, address, connectable=True)
    if info is None:
        return RadioState(heard=False, reached_by=reached_by(hass, lock_entity))
    free = []
    for device in bluetooth.async_scanner_devices_by_address(
        hass, address, connectable=True
    ):
        allocations = device.scanner.get_allocations()
        if allocations is None or not allocations.slots:
            # It does not say, so it may have any number.
            return RadioState(heard=True, rssi=info.rssi)
        free.append(allocations.free)
    return RadioState(
        heard=True, rssi=info.rssi, free_slots=max(free) if free else None
    )


def read_house(hass: HomeAssistant) -> tuple[bool, bool]:
    """Return whether a backup is being made, and whether Home Assistant stops."""
    stopping = hass.state in {
        CoreState.stopping,
        CoreState.final_write,
        CoreState.stopped,
    }
    return hass.data.get(BACKUP_RUNNING, False), stopping
