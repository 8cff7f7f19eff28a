"""Listening to a lock's advertisements, in its application and in its bootloader."""

import math
from typing import TYPE_CHECKING

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .core.transports.nordic_protocol import SERVICE, bootloader_address

if TYPE_CHECKING:
    from .locks import ManagedLock

# Seconds. Until a lock that answered as its own bootloader is asked again: a connection
# costs some of its battery.
ASK_AGAIN = 60.0


@callback
def async_watch(hass: HomeAssistant, lock: ManagedLock, address: str) -> CALLBACK_TYPE:
    """Notice where a lock is: ask it when it is heard, tell when it is stranded.

    A lock in its bootloader is a door that does not open, and if nobody sent it there
    somebody may be trying to change its firmware. A bootloader that keeps the address
    of the application cannot be told from it here; reading the lock notices that.

    Every advertisement counts, not only those that differ from the last one: a lock
    that comes back from its bootloader says the same as before it went. And none that
    is kept from earlier counts: it may be from an installation long over.
    """
    asked = -math.inf

    @callback
    def application_seen(info: BluetoothServiceInfoBleak) -> None:
        nonlocal asked
        if SERVICE not in info.service_uuids:
            lock.async_found_in_application()
        elif lock.in_bootloader and info.time >= asked + ASK_AGAIN:
            lock.to_be_asked = True
        if lock.to_be_asked and lock.progress is None and info.connectable:
            lock.to_be_asked = False
            asked = info.time
            lock.household.async_create_task(
                lock.household.async_read(lock), f"reading of {lock.name}"
            )

    @callback
    def bootloader_seen(info: BluetoothServiceInfoBleak) -> None:
        if SERVICE in info.service_uuids:
            lock.async_found_in_bootloader()

    unsubscribe = [
        bluetooth.async_register_advertisement_callback(hass, seen, heard_at)
        for seen, heard_at in (
            (application_seen, address),
            (bootloader_seen, bootloader_address(address)),
        )
    ]

    @callback
    def stop() -> None:
        for each in unsubscribe:
            each()

    return stop
