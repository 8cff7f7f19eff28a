"""The way to the locks: Home Assistant's Bluetooth, adapters and proxies alike."""

import asyncio
from collections.abc import Callable
import logging
from typing import override

from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
import bleak_retry_connector
from bleak_retry_connector import (
    BleakNotFoundError,
    BleakOutOfConnectionSlotsError,
    establish_connection,
)

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import HomeAssistant

from ..core.errors import TransportError, TransportProblem
from ..core.transports.base import Advertisement, GattClient, Radio

# Connection parameters, Bluetooth Core 5.4 Vol 6 Part B 4.5: intervals in 1.25 ms, the
# supervision timeout in 10 ms. 7.5 ms is the shortest interval there is.
_SHORTEST_INTERVAL = 6
_SUPERVISION_TIMEOUT = 600
# Home Assistant calls back only for advertisements that differ from the last one, and a
# lock that has restarted says the same as before. So the times of all are looked at.
_LOOK_INTERVAL = 0.1
_CONNECT_TIMEOUT = 90.0
_WISH_TIMEOUT = 10.0

_LOGGER = logging.getLogger(__name__)


def as_advertisement(info: BluetoothServiceInfoBleak) -> Advertisement:
    """Return what transports need of Home Assistant's advertisement."""
    return Advertisement(
        address=info.address.upper(),
        local_name=info.name,
        service_uuids=tuple(uuid.lower() for uuid in info.service_uuids),
        manufacturer_ids=tuple(info.manufacturer_data),
        rssi=info.rssi,
    )


class HomeAssistantRadio(Radio):
    """Connects through whichever adapter or proxy hears a lock best."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant's Bluetooth."""
        self._hass = hass

    def _device(self, address: str) -> BLEDevice | None:
        return bluetooth.async_ble_device_from_address(
            self._hass, address, connectable=True
        )

    @override
    async def connect(
        self,
        address: str,
        *,
        name: str,
        disconnected: Callable[[], None],
        fresh_services: bool = False,
    ) -> GattClient:
        """Connect; see ``Radio``."""
        if (device := self._device(address)) is None:
            raise TransportError(
                TransportProblem.NOT_FOUND,
                reachability=bluetooth.async_address_reachability_diagnostics(
                    self._hass,
                    address,
                    bluetooth.BluetoothReachabilityIntent.CONNECTION,
                ),
            )
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                return await establish_connection(
                    # By its module: Home Assistant puts its own class there when
                    # Bluetooth is set up, which may be after this was imported.
                    bleak_retry_connector.BleakClientWithServiceCache,
                    device,
                    name,
                    disconnected_callback=lambda _: disconnected(),
                    ble_device_callback=lambda: self._device(address) or device,
                    use_services_cache=not fresh_services,
                )
        except BleakOutOfConnectionSlotsError as err:
            raise TransportError(TransportProblem.NO_CONNECTION_SLOT) from err
        except BleakNotFoundError as err:
            raise TransportError(
                TransportProblem.NOT_FOUND, reachability=str(err)
            ) from err
        except (BleakError, TimeoutError) as err:
            raise TransportError(
                TransportProblem.CONNECTION_FAILED, error=str(err)
            ) from err

    @override
    async def find(
        self, wanted: Callable[[Advertisement], bool], timeout: float
    ) -> Advertisement:
        """Wait for a new advertisement; see ``Radio``."""
        # The clock that advertisements are stamped with.
        since = bluetooth.MONOTONIC_TIME()
        async with asyncio.timeout(timeout):
            while True:
                for info in bluetooth.async_discovered_service_info(self._hass):
                    seen = as_advertisement(info)
                    if info.time > since and wanted(seen):
                        return seen
                await asyncio.sleep(_LOOK_INTERVAL)

    @override
    async def shorten_interval(self, client: GattClient) -> None:
        """Ask for the shortest interval where the backend can; see ``Radio``."""
        # Only Home Assistant's own wrapper has it, whatever the type says.
        set_parameters = getattr(client, "set_connection_params", None)
        if set_parameters is None:
            return
        try:
            async with asyncio.timeout(_WISH_TIMEOUT):
                await set_parameters(
                    _SHORTEST_INTERVAL, _SHORTEST_INTERVAL, 0, _SUPERVISION_TIMEOUT
                )
        except (BleakError, TimeoutError, NotImplementedError) as err:
            _LOGGER.debug("No other connection interval: %s", err)

    @override
    def way(self, client: GattClient) -> str | None:
        """Return the name of the scanner that holds the connection; see ``Radio``."""
        # Only Home Assistant's own wrapper has it, whatever the type says.
        address = getattr(client, "address", None)
        for scanner in bluetooth.async_current_scanners(self._hass):
            taken = scanner.get_allocations()
            if taken is not None and address in taken.allocated:
                return scanner.name
        return None

    @override
    async def forget_services(self, client: GattClient) -> None:
        """Clear the caches of services and MTU; see ``Radio``."""
        clear_cache = getattr(client, "clear_cache", None)
        if clear_cache is None:
            return
        try:
            async with asyncio.timeout(_WISH_TIMEOUT):
                await clear_cache()
        except (BleakError, TimeoutError, NotImplementedError) as err:
            _LOGGER.debug("The cache of services stays: %s", err)
