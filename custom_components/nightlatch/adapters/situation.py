"""What the radios and Home Assistant itself are up to."""

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothScannerDevice
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.preflight.situation import RadioState
from ..core.records.bond import Bond
from .holders import always_connected, reached_by

BACKUP_RUNNING: HassKey[bool] = HassKey(f"{DOMAIN}_backup_running")


def read_radio(
    hass: HomeAssistant,
    address: str,
    lock_entity: str | None = None,
    bond: Bond | None = None,
) -> RadioState:
    """Return how well a lock is heard, and whether a connection to it can be had.

    ``lock_entity`` is another integration's, which may reach the lock all the same;
    ``bond`` is what the lock is paired with, over which alone it is reached.
    """
    paired_with = bond.name if bond else None
    info = bluetooth.async_last_service_info(hass, address, connectable=True)
    if info is None:
        return RadioState(
            heard=False,
            reached_by=reached_by(hass, address, lock_entity),
            always_connected=always_connected(hass, address, lock_entity),
            paired_with=paired_with,
        )
    devices = bluetooth.async_scanner_devices_by_address(
        hass, address, connectable=True
    )
    rssi = info.rssi
    paired = [each for each in devices if bond and each.scanner.source == bond.source]
    if paired:
        devices = paired
        rssi = paired[0].advertisement.rssi
    return RadioState(
        heard=True,
        rssi=rssi,
        free_slots=_free_slots(devices),
        always_connected=always_connected(hass, address, lock_entity),
        paired_with=paired_with,
        pair_heard=bond is None or bool(paired),
    )


def _free_slots(devices: list[BluetoothScannerDevice]) -> int | None:
    """Return how many connections the one has left that has most; None if unknown."""
    free = []
    for device in devices:
        allocations = device.scanner.get_allocations()
        if allocations is None or not allocations.slots:
            # It does not say, so it may have any number.
            return None
        free.append(allocations.free)
    return max(free, default=None)


def is_started(hass: HomeAssistant) -> bool:
    """Return whether all that Home Assistant starts with is there.

    ``hass.is_running`` says so while integrations are still being set up: their locks are
    not gone, and nothing is known yet of what stands against an installation.
    """
    return hass.state is CoreState.running


def read_house(hass: HomeAssistant) -> tuple[bool, bool]:
    """Return whether a backup is being made, and whether Home Assistant stops."""
    stopping = hass.state in {
        CoreState.stopping,
        CoreState.final_write,
        CoreState.stopped,
    }
    return hass.data.get(BACKUP_RUNNING, False), stopping
