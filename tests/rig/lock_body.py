"""What every virtual lock has: a bolt, a door, a battery, and a radio that can be off."""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import override

from .flash import PowerLost
from .gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    ConnectionRefused,
    Peripheral,
    Property,
    characteristic_at,
)
from .image import Behaviour
from .lock_services import BATTERY_LEVEL, FIRMWARE_REVISION, HARDWARE_REVISION, Telling
from .session import Session

_EVERYBODY = "*"

CRASH_AFTER = 20.0
"""Seconds that firmware runs which crashes."""
WATCHDOG = 10.0
"""Seconds until the watchdog restarts a processor that hangs."""


class Mode(StrEnum):
    """What a lock's processor does."""

    OFF = "off"
    STARTING = "starting"
    ACTIVATING = "activating"
    """It copies the received application over the old one."""
    SWAPPING = "swapping"
    """It exchanges the applications in its two slots."""
    APPLICATION = "application"
    BOOTLOADER = "bootloader"
    DEAD = "dead"
    """It has nothing that it may run, and no way in."""


class Bolt(StrEnum):
    """Where the bolt is."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    JAMMED = "jammed"


class Door(StrEnum):
    """Whether the door is open."""

    OPEN = "open"
    CLOSED = "closed"


class LockBody(Peripheral):
    """A lock without the way in which it is updated.

    It starts with ``restore_power``. Bolt, door and battery are moved by the tests and
    the demo; moving them needs neither power nor a connection.
    """

    def __init__(
        self,
        address: str,
        *,
        name: str,
        strings: Mapping[str, str | None],
        firmware_text: str = "{}",
        has_battery: bool = True,
    ) -> None:
        """Build a lock that is still without power.

        ``strings`` are the values of Device Information, apart from the version; what is
        None it does not have. ``firmware_text`` is what it tells around the version.
        """
        self.address = address
        self.name = name
        self.mode = Mode.OFF
        self.bonds: set[str] = set()
        """The centrals that it is bonded with, by their names."""
        self.refuses_pairing = False
        self.needs_passkey = False
        """Whether a bond without a passkey, as a proxy makes one, is not enough."""
        self.reads_need_bond = False
        """Whether it tells nothing of itself to a central that is not bonded."""
        self.application_start = 0.5
        """Seconds until a started application advertises."""
        self.firmware_text = firmware_text
        self.has_battery = has_battery
        """Whether it tells a level; one that is wired does not."""
        self.comes_back_as: str | None = None
        """A version that the application claims, whatever its image says."""
        self._strings = {
            uuid: text for uuid, text in strings.items() if text is not None
        }
        self._bolt = Bolt.LOCKED
        self._freed = Bolt.LOCKED
        """Where the bolt is once firmware that jams it is gone."""
        self._jammed_by_firmware = False
        self._door = Door.CLOSED
        self._battery = 90
        self._session: Session | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._power_timer: asyncio.TimerHandle | None = None
        self._advertising_callbacks: list[Callable[[], None]] = []
        self._change_callbacks: list[Callable[[], None]] = []

    @property
    def telling(self) -> Telling:
        """What it tells of itself."""
        return Telling(HARDWARE_REVISION in self._strings, self.has_battery)

    # What a person at the door sees and does.

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return self._bolt

    def move_bolt(self, bolt: Bolt) -> None:
        """Move the bolt, by motor or by hand."""
        self._bolt = bolt
        self._jammed_by_firmware = False
        self._changed()

    @property
    def door(self) -> Door:
        """Whether the door is open."""
        return self._door

    def move_door(self, door: Door) -> None:
        """Open or close the door."""
        self._door = door
        self._changed()

    @property
    def battery(self) -> int:
        """The battery level in percent."""
        return self._battery

    def set_battery(self, percent: int) -> None:
        """Let the battery have another level."""
        self._battery = percent
        self._changed()

    @property
    def version(self) -> str | None:
        """The version that the application reports; None where none can run."""
        version = self._firmware_version()
        return version and (self.comes_back_as or version)

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after each change of mode, bolt, door or battery.

        Returns what ends it.
        """
        self._change_callbacks.append(callback)
        return lambda: self._change_callbacks.remove(callback)

    def _changed(self) -> None:
        for callback in list(self._change_callbacks):
            callback()

    # What differs from lock to lock.

    def _firmware_version(self) -> str | None:
        """Return the version of the firmware that is there; None without any."""
        raise NotImplementedError

    def _behaviours(self) -> Behaviour:
        """Return how the firmware behaves that is there."""
        raise NotImplementedError

    def _start(self) -> None:
        """Start, with the power or after a restart."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Stop whatever runs; what is in RAM is forgotten."""
        raise NotImplementedError

    def _write(
        self, characteristic: Characteristic, data: bytes, *, response: bool
    ) -> None:
        """Write a characteristic that may be written; raise ``AttRefusal``."""
        raise NotImplementedError

    def _link_lost(self) -> None:
        """Take note that the central has gone."""

    # Power.

    def cut_power(self, *, restore_after: float | None = None) -> None:
        """Take the battery out; put it back after so many seconds, if any."""
        self._stop()
        self._stop_timers()
        session, self._session = self._session, None
        if session is not None:
            session.central.vanished()
        self._set_mode(Mode.OFF)
        if self._power_timer is not None:
            self._power_timer.cancel()
            self._power_timer = None
        if restore_after is not None:
            self._power_timer = asyncio.get_running_loop().call_later(
                restore_after, self.restore_power
            )

    def restore_power(self) -> None:
        """Put the battery in."""
        if self.mode is Mode.OFF:
            self._powered(self._start)

    def _powered(self, do: Callable[[], None]) -> None:
        """Do something, unless the power goes in its middle."""
        try:
            do()
        except PowerLost as lost:
            self.cut_power(restore_after=lost.restore_after)

    def later(self, delay: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        """Do something after so many seconds, unless the lock stops before."""

        def due() -> None:
            self._timers.discard(timer)
            self._powered(do)

        timer = asyncio.get_running_loop().call_later(delay, due)
        self._timers.add(timer)
        return timer

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _end_session(self) -> None:
        """End the connection properly."""
        session, self._session = self._session, None
        if session is not None:
            session.central.disconnected()

    def _set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self._advertising_changed()
        self._changed()

    # The application.

    def _start_application(self) -> None:
        """Start the application, as well as it can be started."""
        self._set_mode(Mode.STARTING)
        if Behaviour.NEVER_STARTS in self._behaviours():
            self.later(WATCHDOG, self.reset)
        else:
            self.later(self.application_start, self._application_started)

    def _application_started(self) -> None:
        behaviours = self._behaviours()
        self._set_mode(Mode.APPLICATION)
        if Behaviour.JAMS_BOLT in behaviours:
            self._jam()
        elif self._jammed_by_firmware:
            self.move_bolt(self._freed)
        if Behaviour.CRASHES in behaviours:
            self.later(CRASH_AFTER, self.reset)

    def _jam(self) -> None:
        """Jam the bolt, until firmware is started that drives it well."""
        if not self._jammed_by_firmware:
            self._freed = self._bolt
            self.move_bolt(Bolt.JAMMED)
            self._jammed_by_firmware = True

    def reset(self) -> None:
        """Restart; a connection is ended properly before."""
        self._stop()
        self._stop_timers()
        self._end_session()
        self._powered(self._start)

    # The radio.

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        self._advertising_callbacks.append(callback)

    def _advertising_changed(self) -> None:
        for callback in list(self._advertising_callbacks):
            callback()

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        return None if self._session is not None else self._advertised()

    def _advertised(self) -> AdvertisingData | None:
        """Return what it advertises while nobody is connected."""
        raise NotImplementedError

    def _accepts_central(self, central: Central) -> bool:
        """Return whether a central may connect that was heard by the lock."""
        return True

    @property
    def bonded(self) -> bool:
        """Whether it is bonded with anybody; may be set for everybody."""
        return bool(self.bonds)

    @bonded.setter
    def bonded(self, bonded: bool) -> None:
        self.bonds = {_EVERYBODY} if bonded else set()

    def _is_bonded_with(self, central: Central) -> bool:
        return bool(self.bonds & {central.name, _EVERYBODY})

    def _bond(self) -> bool:
        """Bond with the central that is connected, as far as it goes; tell whether."""
        if self.refuses_pairing:
            return False
        self.bonds.add(self._require_session().central.name)
        return True

    def _require_bond(self) -> None:
        """Refuse what only a bonded central may do.

        Zephyr's BT_GATT_PERM_*_AUTHEN and _ENCRYPT (subsys/bluetooth/host/gatt.c,
        bt_gatt_check_perm): 5 where only a passkey would do, 15 where there is no bond.
        """
        if not self._is_bonded_with(self._require_session().central):
            raise AttRefusal(AttError.INSUFFICIENT_ENCRYPTION)
        if self.needs_passkey:
            raise AttRefusal(AttError.INSUFFICIENT_AUTHENTICATION)

    @override
    def connect(self, central: Central) -> None:
        if self.advertising is None or not self._accepts_central(central):
            raise ConnectionRefused
        self._session = Session(central)
        self._advertising_changed()

    @override
    def disconnect(self) -> None:
        if self._session is not None:
            self._session = None
            self._link_lost()
            self._advertising_changed()

    def _notify(self, uuid: str, data: bytes) -> None:
        if self._session is not None:
            self._session.notify(self.services, uuid, data)

    def _require_session(self) -> Session:
        assert self._session is not None, "no central is connected"
        return self._session

    @override
    def read(self, handle: int) -> bytes:
        characteristic, descriptor = characteristic_at(self.services, handle)
        if descriptor is not None:
            return self._require_session().read_cccd(characteristic)
        if Property.READ not in characteristic.properties:
            raise AttRefusal(AttError.READ_NOT_PERMITTED)
        if self.reads_need_bond:
            self._require_bond()
        if characteristic.uuid == BATTERY_LEVEL:
            return bytes((self._battery,))
        if characteristic.uuid == FIRMWARE_REVISION:
            return self.firmware_text.format(self.version or "").encode()
        return self._strings[characteristic.uuid].encode()

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        characteristic, descriptor = characteristic_at(self.services, handle)
        if descriptor is not None:
            self._write_cccd(characteristic, data)
            return
        needed = Property.WRITE if response else Property.WRITE_WITHOUT_RESPONSE
        if needed not in characteristic.properties:
            raise AttRefusal(AttError.WRITE_NOT_PERMITTED)
        self._powered(lambda: self._write(characteristic, data, response=response))

    def _write_cccd(self, characteristic: Characteristic, data: bytes) -> None:
        self._require_session().write_cccd(characteristic, data)
