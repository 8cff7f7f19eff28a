"""A virtual lock: an application, a bootloader, a bolt, a door and a battery."""

import asyncio
from collections.abc import Callable
from enum import Enum, StrEnum
from typing import override

from .bootloader import EXECUTED, Flash, SecureDfuBootloader
from .gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    ConnectionRefused,
    Peripheral,
    Property,
    Service,
    characteristic_at,
)
from .image import image_version
from .lock_services import (
    BATTERY_LEVEL,
    CONTROL_POINT,
    DFU_SERVICE,
    FIRMWARE_REVISION,
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    PACKET,
    SERIAL_NUMBER,
    Buttonless,
    application_services,
    bootloader_services,
)
from .session import Session

BOOTLOADER_NAME = "DfuTarg"
_MAX_NAME = 20

_ENTER_BOOTLOADER = 0x01
_SET_NAME = 0x02
_BUTTONLESS_RESPONSE = 0x20
_BUTTONLESS_SUCCESS = 0x01
_BUTTONLESS_NOT_SUPPORTED = 0x02
_BUTTONLESS_NAME_INVALID = 0x05


class Mode(StrEnum):
    """What a lock's processor does."""

    OFF = "off"
    STARTING = "starting"
    ACTIVATING = "activating"
    """It copies the received application over the old one."""
    APPLICATION = "application"
    BOOTLOADER = "bootloader"


class Bolt(StrEnum):
    """Where the bolt is."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    JAMMED = "jammed"


class Door(StrEnum):
    """Whether the door is open."""

    OPEN = "open"
    CLOSED = "closed"


class Step(Enum):
    """Steps of an update that a loss of power can be ordered for."""

    JUMP = "jump"
    """The application has left for the bootloader, which never appears."""
    INIT_PACKET = "init_packet"
    """The init packet is accepted, but that is not answered."""
    LAST_EXECUTE = "last_execute"
    """The image is accepted and will be activated, but that is not answered."""
    ACTIVATED = "activated"
    """The new application is in its place, but never appears."""


class VirtualLock(Peripheral):
    """A lock that is updated over Nordic Secure DFU.

    It starts with ``restore_power``. Bolt, door and battery are moved by the tests and
    the demo; moving them needs neither power nor a connection.
    """

    def __init__(
        self,
        address: str,
        bootloader: SecureDfuBootloader,
        *,
        name: str = "Nightbolt",
        manufacturer: str = "Rig Locks",
        model: str = "NB-1",
        serial_number: str = "0001",
        hardware_revision: str = "A",
        buttonless: Buttonless = Buttonless.UNBONDED,
        service_uuids: tuple[str, ...] = (),
        manufacturer_data: dict[int, bytes] | None = None,
    ) -> None:
        """Build a lock that is still without power."""
        self.address = address
        self.bootloader = bootloader
        self.flash: Flash = bootloader.flash
        self.name = name
        self.buttonless = buttonless
        self.mode = Mode.OFF
        self.bonded = False
        self.application_start = 0.5
        """Seconds until a started application advertises."""
        self.bootloader_start = 0.5
        """Seconds until a started bootloader advertises."""
        self.activation_time = 1.0
        """Seconds that copying an image takes."""
        self.refuses_pairing = False
        self.buttonless_status: int | None = None
        """What the next command to the buttonless characteristic is answered with."""
        self.jumps_without_answer = False
        """Whether entering the bootloader is not answered."""
        self.comes_back_as: str | None = None
        """A version that the application claims, whatever its image says."""
        self.keeps_old_application = False
        """Whether an accepted image is never activated."""
        self._strings = {
            MANUFACTURER: manufacturer,
            MODEL: model,
            SERIAL_NUMBER: serial_number,
            HARDWARE_REVISION: hardware_revision,
        }
        self._service_uuids = service_uuids
        self._manufacturer_data = manufacturer_data or {}
        self._bolt = Bolt.LOCKED
        self._door = Door.CLOSED
        self._battery = 90
        self._bootloader_name = BOOTLOADER_NAME
        self._session: Session | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._power_timer: asyncio.TimerHandle | None = None
        self._cuts: dict[int | Step, float | None] = {}
        self._activation_cut: tuple[int, float | None] | None = None
        self._advertising_callbacks: list[Callable[[], None]] = []
        self._change_callbacks: list[Callable[[], None]] = []

    # What a person at the door sees and does.

    @property
    def bolt(self) -> Bolt:
        """Where the bolt is."""
        return self._bolt

    def move_bolt(self, bolt: Bolt) -> None:
        """Move the bolt, by motor or by hand."""
        self._bolt = bolt
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
        version = image_version(bytes(self.flash.application))
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

    # Power.

    def cut_power(self, *, restore_after: float | None = None) -> None:
        """Take the battery out; put it back after so many seconds, if any."""
        if self.mode is Mode.ACTIVATING:
            self._interrupt_activation()
        if self.bootloader.running:
            self.bootloader.stop()
        if self._timer is not None:
            self._timer.cancel()
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
            self._start(enter_bootloader=False)

    def cut_power_at(
        self, point: int | Step, *, restore_after: float | None = None
    ) -> None:
        """Order a loss of power, once: before a byte of the image, or at a step."""
        self._cuts[point] = restore_after

    def cut_power_in_activation(
        self, byte: int, *, restore_after: float | None = None
    ) -> None:
        """Order a loss of power, once, when so many bytes of an image are copied."""
        self._activation_cut = (byte, restore_after)

    def _cut_due(self, step: Step) -> bool:
        """Cut the power if that is ordered for this step."""
        if step not in self._cuts:
            return False
        self.cut_power(restore_after=self._cuts.pop(step))
        return True

    def _cut_due_in_image(self, length: int) -> bool:
        """Cut the power if that is ordered for one of the next bytes of the image."""
        end = self.bootloader.image_offset + length
        for point in self._cuts:
            if isinstance(point, int) and point < end:
                self.cut_power(restore_after=self._cuts.pop(point))
                return True
        return False

    # Starting.

    def _start(self, *, enter_bootloader: bool) -> None:
        """Start as the settings page wants it."""
        if self.flash.activate:
            self._activate()
        elif enter_bootloader or image_version(bytes(self.flash.application)) is None:
            self._start_timer(self.bootloader_start, self._bootloader_started)
            self._set_mode(Mode.STARTING)
        else:
            self._bootloader_name = BOOTLOADER_NAME
            self._start_timer(self.application_start, self._application_started)
            self._set_mode(Mode.STARTING)

    def _start_timer(self, delay: float, then: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, then)

    def _application_started(self) -> None:
        self._set_mode(Mode.APPLICATION)

    def _bootloader_started(self) -> None:
        self.bootloader.start(self)
        self._set_mode(Mode.BOOTLOADER)

    def _activate(self) -> None:
        if self.keeps_old_application:
            self._activated(bytes(self.flash.application))
            return
        self._set_mode(Mode.ACTIVATING)
        time = self.activation_time
        if self._activation_cut is not None:
            byte, restore_after = self._activation_cut
            self._start_timer(
                time * byte / self.flash.activate,
                lambda: self.cut_power(restore_after=restore_after),
            )
        else:
            self._start_timer(
                time, lambda: self._activated(self.flash.staged[: self.flash.activate])
            )

    def _interrupt_activation(self) -> None:
        """Leave bank 0 half old, half new; the settings page makes it be done again."""
        if self._activation_cut is not None:
            byte, _ = self._activation_cut
            self._activation_cut = None
        else:
            byte = self.flash.activate // 2
        self.flash.application[:byte] = self.flash.staged[:byte]

    def _activated(self, application: bytes | bytearray) -> None:
        flash = self.flash
        flash.application = bytearray(application)
        flash.application_version = flash.activate_version
        flash.activate = 0
        flash.init_packet = b""
        flash.staged.clear()
        if not self._cut_due(Step.ACTIVATED):
            self._start(enter_bootloader=False)

    def _restart(self, *, enter_bootloader: bool) -> None:
        """Restart; the connection is ended properly before."""
        if self.bootloader.running:
            self.bootloader.stop()
        session, self._session = self._session, None
        if session is not None:
            session.central.disconnected()
        self._start(enter_bootloader=enter_bootloader)

    def _set_mode(self, mode: Mode) -> None:
        self.mode = mode
        self._advertising_changed()
        self._changed()

    # The bootloader's host.

    def answer(self, data: bytes) -> None:
        """Send a notification of the bootloader's control point."""
        if data == EXECUTED and not self.bootloader.between_objects:
            step = Step.LAST_EXECUTE if self.flash.activate else Step.INIT_PACKET
            if self._cut_due(step):
                return
        self._notify(CONTROL_POINT, data)

    def reset(self) -> None:
        """Restart as the bootloader wants it."""
        self._restart(enter_bootloader=False)

    # The radio.

    @property
    def advertised_address(self) -> str:
        """The address that it has in its mode.

        An unbonded bootloader adds one to the last octet, without a carry.
        """
        if self.mode is not Mode.BOOTLOADER or self.buttonless is Buttonless.BONDED:
            return self.address
        head, last = self.address.rsplit(":", 1)
        return f"{head}:{(int(last, 16) + 1) & 0xFF:02X}"

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        if self._session is not None:
            return None
        if self.mode is Mode.BOOTLOADER:
            return AdvertisingData(
                address=self.advertised_address,
                local_name=self._bootloader_name,
                service_uuids=(DFU_SERVICE,),
                interval=0.025,
            )
        if self.mode is Mode.APPLICATION:
            return AdvertisingData(
                address=self.advertised_address,
                local_name=self.name,
                service_uuids=self._service_uuids,
                manufacturer_data=self._manufacturer_data,
            )
        return None

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        if self.mode is Mode.BOOTLOADER:
            return bootloader_services()
        return application_services(self.buttonless)

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        self._advertising_callbacks.append(callback)

    def _advertising_changed(self) -> None:
        for callback in list(self._advertising_callbacks):
            callback()

    @override
    def connect(self, central: Central) -> None:
        # A bonded bootloader listens only to the central that sent it there.
        bonded_only = self.mode is Mode.BOOTLOADER and (
            self.buttonless is Buttonless.BONDED
        )
        if self.advertising is None or (bonded_only and not self.bonded):
            raise ConnectionRefused
        self._session = Session(central)
        self._advertising_changed()

    @override
    def disconnect(self) -> None:
        if self._session is not None:
            self._session = None
            if self.bootloader.running:
                self.bootloader.link_lost()
            self._advertising_changed()

    @override
    def pair(self) -> bool:
        if self.buttonless is not Buttonless.BONDED or self.refuses_pairing:
            return False
        self.bonded = True
        return True

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
        if characteristic.uuid == BATTERY_LEVEL:
            return bytes((self._battery,))
        if characteristic.uuid == FIRMWARE_REVISION:
            return (self.version or "").encode()
        return self._strings[characteristic.uuid].encode()

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        characteristic, descriptor = characteristic_at(self.services, handle)
        if descriptor is not None:
            self._require_session().write_cccd(characteristic, data)
            return
        needed = Property.WRITE if response else Property.WRITE_WITHOUT_RESPONSE
        if needed not in characteristic.properties:
            raise AttRefusal(AttError.WRITE_NOT_PERMITTED)
        if characteristic.uuid == PACKET:
            if not (
                self.bootloader.receiving_image and self._cut_due_in_image(len(data))
            ):
                self.bootloader.packet(data)
            return
        self._require_access(characteristic)
        if characteristic.uuid == CONTROL_POINT:
            self.bootloader.request(data)
        else:
            self._write_buttonless(characteristic.uuid, data)

    def _require_access(self, characteristic: Characteristic) -> None:
        """Refuse a write that needs a bond or a subscription first."""
        if characteristic.uuid == Buttonless.BONDED.uuid and not self.bonded:
            raise AttRefusal(AttError.INSUFFICIENT_AUTHENTICATION)
        if not self._require_session().subscribed(characteristic):
            raise AttRefusal(AttError.CCCD_IMPROPERLY_CONFIGURED)

    def _write_buttonless(self, uuid: str, data: bytes) -> None:
        if not data:
            raise AttRefusal(AttError.INVALID_LENGTH)
        opcode = data[0]
        status, self.buttonless_status = self.buttonless_status, None
        if status is None:
            status = self._buttonless_command(opcode, data[1:])
        enter = opcode == _ENTER_BOOTLOADER and status == _BUTTONLESS_SUCCESS
        if not (enter and self.jumps_without_answer):
            self._notify(uuid, bytes((_BUTTONLESS_RESPONSE, opcode, status)))
        if enter:
            self._jump()

    def _buttonless_command(self, opcode: int, rest: bytes) -> int:
        """Return the status of a command to the buttonless characteristic."""
        if opcode == _ENTER_BOOTLOADER:
            return _BUTTONLESS_SUCCESS
        if opcode != _SET_NAME:
            return _BUTTONLESS_NOT_SUPPORTED
        if not 1 <= len(rest) - 1 <= _MAX_NAME or rest[0] != len(rest) - 1:
            return _BUTTONLESS_NAME_INVALID
        self._bootloader_name = rest[1:].decode(errors="replace")
        return _BUTTONLESS_SUCCESS

    def _jump(self) -> None:
        """Restart into the bootloader."""
        if not self._cut_due(Step.JUMP):
            self._restart(enter_bootloader=True)
