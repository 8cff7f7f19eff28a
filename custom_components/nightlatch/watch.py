"""Listening to a lock's advertisements, in its application and in its bootloader."""

from typing import TYPE_CHECKING

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from .core.installation.recovery import what_left_it
from .core.sightings import Patience, Sightings
from .core.transports.nordic_protocol import SERVICE, bootloader_address

if TYPE_CHECKING:
    from .kinds.direct import DirectKind


class Watch:
    """Notices where a lock is: asks it when it is heard, tells when it is stranded.

    A lock in its bootloader is a door that does not open, and if nobody sent it there
    somebody may be trying to change its firmware. But whoever is near can advertise one:
    so it is believed only while the application is silent, and only once a connection
    has found it there, or an installation of ours has left it there. A bootloader that
    keeps the address of the application cannot be told from it here; reading the lock
    notices that.

    Every advertisement counts, not only those that differ from the last one: a lock
    that comes back from its bootloader says the same as before it went. And none that
    is kept from earlier counts: it may be from an installation long over.
    """

    def __init__(self, kind: DirectKind) -> None:
        """Take the lock; ``async_start`` begins."""
        self._kind = kind
        self._lock = kind.lock
        self._sightings = Sightings()
        self._looking = Patience()
        self._reading = Patience()

    @callback
    def async_start(self, hass: HomeAssistant) -> CALLBACK_TYPE:
        """Listen from now on; return what ends that."""
        address = self._kind.address
        unsubscribe = [
            bluetooth.async_register_advertisement_callback(hass, seen, heard_at)
            for seen, heard_at in (
                (self._application_seen, address),
                (self._bootloader_seen, bootloader_address(address)),
            )
        ]

        @callback
        def stop() -> None:
            for each in unsubscribe:
                each()

        return stop

    @callback
    def _application_seen(self, info: BluetoothServiceInfoBleak) -> None:
        lock = self._lock
        if SERVICE not in info.service_uuids:
            self._sightings.application_heard()
            lock.async_found_in_application()
        elif lock.in_bootloader:
            lock.to_be_asked = True
        if (
            lock.to_be_asked
            and lock.progress is None
            and info.connectable
            and (self._is_awaited or self._reading.allows(info.time))
        ):
            lock.to_be_asked = False
            lock.household.async_create_task(
                lock.household.async_read(lock), f"reading of {lock.name}"
            )

    @property
    def _is_awaited(self) -> bool:
        """Whether only the lock can tell how an installation of ours has ended."""
        record = self._lock.record
        return record.unsettled is not None or what_left_it(record) is not None

    @callback
    def _bootloader_seen(self, info: BluetoothServiceInfoBleak) -> None:
        lock = self._lock
        if (
            SERVICE not in info.service_uuids
            or lock.in_bootloader
            or lock.progress is not None
            or not self._kind.may_have_bootloader
            or not self._sightings.bootloader_heard(info.time)
        ):
            return
        if what_left_it(lock.record) is not None or lock.is_cut_off:
            # What brings it out of there finds out by itself whether it is there.
            lock.async_found_in_bootloader()
        elif self._looking.allows(info.time):
            lock.household.async_create_task(
                self._async_look(), f"look for the bootloader of {lock.name}"
            )

    async def _async_look(self) -> None:
        """Find out by a connection whether a bootloader is there at all."""
        if await self._kind.async_finds_bootloader() and self._sightings.seems_stranded:
            self._lock.async_found_in_bootloader()
