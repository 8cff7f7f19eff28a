"""The way to the locks: Home Assistant's Bluetooth, adapters and proxies alike."""

import asyncio
from collections.abc import Callable
import logging
from typing import Any, override

from bleak.backends.device import BLEDevice
from bleak.exc import BleakError
import bleak_retry_connector
from bleak_retry_connector import (
    BleakNotFoundError,
    BleakOutOfConnectionSlotsError,
    establish_connection,
)

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BaseHaRemoteScanner,
    BaseHaScanner,
    BluetoothScannerDevice,
    BluetoothServiceInfoBleak,
)
from homeassistant.core import HomeAssistant

from ..core.errors import TransportError, TransportProblem
from ..core.records.bond import Bond
from ..core.transports.base import Advertisement, GattClient, Radio
from .storage import HouseholdStore, unsaved_for_now

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


class _OnlyOver:
    """Home Assistant's Bluetooth, with one adapter or proxy in it."""

    def __init__(self, manager: Any, source: str) -> None:
        """Take all of it, and which one."""
        self._manager = manager
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._manager, name)

    def async_scanner_devices_by_address(
        self, address: str, connectable: bool
    ) -> list[BluetoothScannerDevice]:
        """Return how that one hears a device."""
        heard = self._manager.async_scanner_devices_by_address(address, connectable)
        return [device for device in heard if device.scanner.source == self._source]


def _client_over(source: str | None) -> Any:
    """Return the class of clients that connect over one adapter or proxy, if it is said.

    Home Assistant takes whichever it likes best, and has no way to ask for one. Where it
    does not ask this any more it does as before, and a lock that minds tells.
    """
    # By its module: Home Assistant puts its own class there when Bluetooth is set up,
    # which may be after this was imported.
    usual: Any = bleak_retry_connector.BleakClientWithServiceCache
    return usual if source is None else _bound_to(usual, source)


def _bound_to(usual: Any, source: str) -> Any:
    class Client(usual):  # type: ignore[misc]
        def _async_get_best_available_backend_and_device(self, manager: Any) -> Any:
            return super()._async_get_best_available_backend_and_device(
                _OnlyOver(manager, source)
            )

    return Client


class HomeAssistantRadio(Radio):
    """Connects through whichever adapter or proxy hears a lock best.

    Or through the one that it is paired with, as long as that hears it.
    """

    def __init__(self, hass: HomeAssistant, store: HouseholdStore) -> None:
        """Take Home Assistant's Bluetooth, and what knows the bonds."""
        self._hass = hass
        self._store = store
        self._kept_away: set[str] = set()

    def keep_away(self, address: str, *, away: bool) -> None:
        """Open no connection to an address, or do so again."""
        (self._kept_away.add if away else self._kept_away.discard)(address)

    def _kept_to(self, address: str) -> str | None:
        """Return the adapter or proxy that a lock is paired with, if it hears it."""
        bond = self._store.bond(address)
        if bond is not None and bond.source in {
            device.scanner.source for device in self._devices(address)
        }:
            return bond.source
        return None

    def _devices(self, address: str) -> list[BluetoothScannerDevice]:
        return bluetooth.async_scanner_devices_by_address(
            self._hass, address, connectable=True
        )

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
        if address in self._kept_away:
            raise TransportError(TransportProblem.LET_GO)
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
                client: GattClient = await establish_connection(
                    _client_over(self._kept_to(address)),
                    device,
                    name,
                    disconnected_callback=lambda _: disconnected(),
                    ble_device_callback=lambda: self._device(address) or device,
                    use_services_cache=not fresh_services,
                )
                return client
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
        scanner = self._scanner(client)
        return _name(scanner) if scanner else None

    def _scanner(self, client: GattClient) -> BaseHaScanner | None:
        """Return which scanner holds the connection, if it is known."""
        address = _address(client)
        for scanner in bluetooth.async_current_scanners(self._hass):
            taken = scanner.get_allocations()
            if taken is not None and address in taken.allocated:
                return scanner
        return None

    @override
    async def note_bond(self, client: GattClient) -> None:
        """Keep which scanner a lock is paired with; see ``Radio``."""
        address, scanner = _address(client), self._scanner(client)
        if address is not None and scanner is not None:
            bond = Bond(source=scanner.source, name=_name(scanner))
            with unsaved_for_now(f"What {address} is paired with"):
                await self._store.async_set_bond(address, bond)

    @override
    def paired_with(self, client: GattClient) -> str | None:
        """Return the name of the scanner that a lock is paired with; see ``Radio``."""
        address = _address(client)
        bond = self._store.bond(address) if address else None
        return bond.name if bond else None

    @override
    async def forget_services(self, client: GattClient) -> None:
        """Clear the caches of services and MTU; see ``Radio``."""
        clear_cache = getattr(client, "clear_cache", None)
        if clear_cache is None or self._is_local(client):
            return
        try:
            async with asyncio.timeout(_WISH_TIMEOUT):
                await clear_cache()
        except (BleakError, TimeoutError, NotImplementedError) as err:
            _LOGGER.debug("The cache of services stays: %s", err)

    def _is_local(self, client: GattClient) -> bool:
        """Return whether a connection goes over an adapter of this machine, or may.

        There services are read anew where that is asked for, and to clear the cache
        makes BlueZ remove the lock (bleak_retry_connector, clear_cache): the connection
        ends, and the bond is gone.
        """
        if (scanner := self._scanner(client)) is not None:
            return not isinstance(scanner, BaseHaRemoteScanner)
        address = _address(client)
        return address is not None and not all(
            isinstance(device.scanner, BaseHaRemoteScanner)
            for device in self._devices(address)
        )


def _name(scanner: BaseHaScanner) -> str:
    """Return what people call an adapter or proxy: without its address."""
    return scanner.name.removesuffix(f" ({scanner.source})")


def _address(client: GattClient) -> str | None:
    """Return the address of a connection; all but tests' own clients have it."""
    address = getattr(client, "address", None)
    return address.upper() if isinstance(address, str) else None
