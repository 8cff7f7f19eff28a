"""Listening to a lock's advertisements, in its application and in its bootloader."""

from typing import TYPE_CHECKING

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BluetoothCallbackMatcher,
    BluetoothChange,
    BluetoothScanningMode,
    BluetoothServiceInfoBleak,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .core.transports.nordic_protocol import SERVICE, bootloader_address
from .locks import ManagedLock

if TYPE_CHECKING:
    from .household import Household


@callback
def async_watch(
    hass: HomeAssistant, household: Household, lock: ManagedLock
) -> CALLBACK_TYPE:
    """Notice where a lock is: ask it once when it is heard, tell when it is stranded.

    A lock in its bootloader is a door that does not open, and if nobody sent it there
    somebody may be trying to change its firmware. A bootloader that keeps the address
    of the application cannot be told from it here; reading the lock notices that.
    """
    asked = False
    moved = bootloader_address(lock.address)

    @callback
    def application_seen(_: BluetoothServiceInfoBleak, __: BluetoothChange) -> None:
        nonlocal asked
        lock.async_found_in_application()
        if not asked:
            asked = True
            household.async_create_task(
                household.async_read(lock), f"reading of {lock.name}"
            )

    @callback
    def bootloader_seen(info: BluetoothServiceInfoBleak, _: BluetoothChange) -> None:
        if SERVICE not in info.service_uuids:
            return
        application = bluetooth.async_last_service_info(hass, lock.address)
        # What is replayed from a cache may be from an installation long over.
        if application is None or application.time < info.time:
            lock.async_found_in_bootloader()

    unsubscribe = [
        bluetooth.async_register_callback(
            hass,
            seen,
            BluetoothCallbackMatcher(address=address, connectable=True),
            BluetoothScanningMode.PASSIVE,
        )
        for seen, address in (
            (application_seen, lock.address),
            (bootloader_seen, moved),
        )
    ]

    @callback
    def stop() -> None:
        for each in unsubscribe:
            each()

    return stop
