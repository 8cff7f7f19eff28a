"""Listening to a lock's advertisements, in its application and in its bootloader."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, Protocol

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothServiceInfoBleak
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback

from ..core.installation.recovery import what_left_it
from ..core.sightings import Patience, Sightings
from ..core.transports.nordic_protocol import SERVICE, bootloader_address
from ..following import ending_all
from ..lock_view import LockView

# Seconds in which a bootloader that is heard is connected to, or is gone.
_LOOK_WITHIN: Final = 30.0


class HeardLock(LockView, Protocol):
    """A lock that is listened to, and is told where it was heard."""

    to_be_asked: bool
    """Whether it should be asked what it runs, once it is heard."""

    @property
    def in_bootloader(self) -> bool:
        """Whether it waits in its bootloader, as far as was seen."""

    @property
    def is_cut_off(self) -> bool:
        """Whether an installation on it was cut off, and is soon gone on with."""

    def async_found_in_application(self) -> None:
        """Take over that it runs its application."""

    def async_found_in_bootloader(self) -> None:
        """Take over that it waits in its bootloader."""


class Heard(Protocol):
    """What is advertised, and how it is found out what is behind that."""

    @property
    def address(self) -> str:
        """The lock's Bluetooth address, in its application."""

    @property
    def may_have_bootloader(self) -> bool:
        """Whether it may have a bootloader that is heard."""

    async def async_finds_bootloader(self) -> bool:
        """Return whether what is heard as its bootloader can be talked to."""


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

    def __init__(
        self,
        lock: HeardLock,
        heard: Heard,
        read: Callable[[], Coroutine[Any, Any, None]],
        begin: Callable[[Coroutine[Any, Any, None], str], object],
    ) -> None:
        """Take the lock; ``async_start`` begins.

        ``read`` asks it what it runs; ``begin`` does something in the background.
        """
        self._lock = lock
        self._heard = heard
        self._read = read
        self._begin = begin
        self._sightings = Sightings()
        self._looking = Patience()
        self._reading = Patience()

    @callback
    def async_start(self, hass: HomeAssistant) -> CALLBACK_TYPE:
        """Listen from now on; return what ends that."""
        address = self._heard.address
        unsubscribe = [
            bluetooth.async_register_advertisement_callback(hass, seen, heard_at)
            for seen, heard_at in (
                (self._application_seen, address),
                (self._bootloader_seen, bootloader_address(address)),
            )
        ]

        return ending_all(*unsubscribe)

    @callback
    def _application_seen(self, info: BluetoothServiceInfoBleak) -> None:
        lock = self._lock
        in_application = SERVICE not in info.service_uuids
        if in_application:
            self._sightings.application_heard()
            lock.async_found_in_application()
        elif lock.in_bootloader:
            lock.to_be_asked = True
        if (
            lock.to_be_asked
            and lock.progress is None
            and info.connectable
            # A bootloader at the same address has nothing to tell, and who connects to
            # it again and again keeps it from starting its application.
            and (
                (in_application and self._is_awaited) or self._reading.allows(info.time)
            )
        ):
            lock.to_be_asked = False
            self._begin(self._read(), f"reading of {lock.name}")

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
            or not self._heard.may_have_bootloader
            or not self._sightings.bootloader_heard(info.time)
        ):
            return
        if what_left_it(lock.record) is not None or lock.is_cut_off:
            # What brings it out of there finds out by itself whether it is there.
            lock.async_found_in_bootloader()
        elif self._looking.allows(info.time):
            self._begin(self._async_hint(), f"look for the bootloader of {lock.name}")

    async def _async_hint(self) -> None:
        await self._async_look()

    async def async_look_now(self) -> bool:
        """Return whether it waits in its bootloader, since a person wants to know.

        However often advertisements have led there in vain, and however shortly they
        are heard. Where it is not heard, nothing is looked for.
        """
        lock = self._lock
        if lock.progress is not None or not self._heard.may_have_bootloader:
            return False
        if not lock.in_bootloader and not self._sightings.seems_stranded:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_WITHIN):
                return await self._async_look()
        return False

    async def _async_look(self) -> bool:
        """Find out by a connection whether a bootloader is there at all."""
        lock = self._lock
        if not await self._heard.async_finds_bootloader():
            return False
        if not lock.in_bootloader and self._sightings.seems_stranded:
            lock.async_found_in_bootloader()
        return lock.in_bootloader
