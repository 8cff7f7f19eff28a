"""A virtual lock that is updated over Nordic Secure DFU."""

from enum import Enum
from typing import override

from .bootloader import EXECUTED, Flash, SecureDfuBootloader
from .gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    Service,
)
from .image import Behaviour, image_behaviour, image_version
from .lock_body import Bolt, Door, LockBody, Mode
from .lock_services import (
    CONTROL_POINT,
    DFU_SERVICE,
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    PACKET,
    SERIAL_NUMBER,
    Buttonless,
    application_services,
    bootloader_services,
)

__all__ = ["Bolt", "Door", "Mode", "Step", "VirtualLock"]

BOOTLOADER_NAME = "DfuTarg"
_MAX_NAME = 20

_ENTER_BOOTLOADER = 0x01
_SET_NAME = 0x02
_BUTTONLESS_RESPONSE = 0x20
_BUTTONLESS_SUCCESS = 0x01
_BUTTONLESS_NOT_SUPPORTED = 0x02
_BUTTONLESS_NAME_INVALID = 0x05


class Step(Enum):
    """Steps of an update that a loss of power can be ordered for."""

    JUMP = "jump"
    """The application has left for the bootloader, which never appears."""
    INIT_PACKET = "init_packet"
    """The init packet is accepted, but that is not answered."""
    LAST_EXECUTE = "last_execute"
    """The image is accepted, but that is neither answered nor noted."""
    ANSWERED = "answered"
    """That the image is accepted is answered, but not noted, and so forgotten."""
    NOTED = "noted"
    """The image will be activated at the next start, which does not come by itself."""
    ACTIVATED = "activated"
    """The new application is in its place, but never appears."""


class VirtualLock(LockBody):
    """A lock that is updated over Nordic Secure DFU."""

    def __init__(
        self,
        address: str,
        bootloader: SecureDfuBootloader,
        *,
        name: str = "Nightbolt",
        manufacturer: str = "Rig Locks",
        model: str = "NB-1",
        serial_number: str = "0001",
        hardware_revision: str | None = "A",
        firmware_text: str = "{}",
        has_battery: bool = True,
        buttonless: Buttonless = Buttonless.UNBONDED,
        service_uuids: tuple[str, ...] = (),
        manufacturer_data: dict[int, bytes] | None = None,
    ) -> None:
        """Build a lock that is still without power."""
        super().__init__(
            address,
            name=name,
            strings={
                MANUFACTURER: manufacturer,
                MODEL: model,
                SERIAL_NUMBER: serial_number,
                HARDWARE_REVISION: hardware_revision,
            },
            firmware_text=firmware_text,
            has_battery=has_battery,
        )
        self.bootloader = bootloader
        self.flash: Flash = bootloader.flash
        self.buttonless = buttonless
        self.bootloader_start = 0.5
        """Seconds until a started bootloader advertises."""
        self.activation_time = 1.0
        """Seconds that copying an image takes."""
        self.buttonless_status: int | None = None
        """What the next command to the buttonless characteristic is answered with."""
        self.jumps_without_answer = False
        """Whether entering the bootloader is not answered."""
        self.has_other_bootloader = False
        """Whether what its application starts for an update takes no Secure DFU."""
        self.keeps_old_application = False
        """Whether an accepted image is never activated."""
        self._service_uuids = service_uuids
        self._manufacturer_data = manufacturer_data or {}
        self._bootloader_name = BOOTLOADER_NAME
        self._enters_bootloader = False
        """What the application tells the bootloader over a restart."""
        self._cuts: dict[int | Step, float | None] = {}
        self._activation_cut: tuple[int, float | None] | None = None

    @override
    def _firmware_version(self) -> str | None:
        if not self.flash.settings.application_valid:
            return None
        return image_version(bytes(self.flash.application))

    @override
    def _behaviours(self) -> Behaviour:
        return image_behaviour(bytes(self.flash.application))

    # Power.

    @override
    def cut_power(self, *, restore_after: float | None = None) -> None:
        if self.mode is Mode.ACTIVATING:
            self._interrupt_activation()
        self._enters_bootloader = False
        super().cut_power(restore_after=restore_after)

    @override
    def _stop(self) -> None:
        if self.bootloader.running:
            self.bootloader.stop()

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

    @override
    def _start(self) -> None:
        """Start as the settings page wants it."""
        enter, self._enters_bootloader = self._enters_bootloader, False
        if self.flash.activate:
            self._activate()
        elif enter or self._firmware_version() is None:
            self.later(self.bootloader_start, self._bootloader_started)
            self._set_mode(Mode.STARTING)
        else:
            self._bootloader_name = BOOTLOADER_NAME
            self._start_application()

    def _bootloader_started(self) -> None:
        self.bootloader.start(self)
        self._set_mode(Mode.BOOTLOADER)

    def _activate(self) -> None:
        if self.keeps_old_application:
            self._forget_staged()
            return
        self._set_mode(Mode.ACTIVATING)
        time = self.activation_time
        if self._activation_cut is not None:
            byte, restore_after = self._activation_cut
            self.later(
                time * byte / self.flash.activate,
                lambda: self.cut_power(restore_after=restore_after),
            )
        else:
            self.later(time, self._copy_staged)

    def _interrupt_activation(self) -> None:
        """Leave bank 0 half old, half new; the settings page makes it be done again."""
        if self._activation_cut is not None:
            byte, _ = self._activation_cut
            self._activation_cut = None
        else:
            byte = self.flash.activate // 2
        self.flash.application[:byte] = self.flash.staged[:byte]

    def _copy_staged(self) -> None:
        # From here on a loss of power comes at one of these very writes.
        self._set_mode(Mode.STARTING)
        self.flash.copy_staged()
        self._forget_staged()

    def _forget_staged(self) -> None:
        self.flash.forget_staged()
        if not self._cut_due(Step.ACTIVATED):
            self._start()

    # The bootloader's host.

    def answer(self, data: bytes) -> None:
        """Send a notification of the bootloader's control point."""
        if data == EXECUTED and not self.bootloader.between_objects:
            accepted = self.bootloader.accepted
            step = Step.LAST_EXECUTE if accepted else Step.INIT_PACKET
            if self._cut_due(step):
                return
        self._notify(CONTROL_POINT, data)

    def judged(self) -> None:
        """Write the settings page from now on, unless the power goes."""
        if self.bootloader.accepted:
            self._cut_due(Step.ANSWERED)

    def noted(self) -> None:
        """Restart: what was received is to be activated, or to be forgotten."""
        if not (self.bootloader.accepted and self._cut_due(Step.NOTED)):
            self.reset()

    def fall_silent(self, seconds: float) -> None:
        """Let the radio rest while the flash needs the processor."""
        if self._session is not None:
            self._session.central.missed(seconds)

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

    @override
    def _advertised(self) -> AdvertisingData | None:
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
            return () if self.has_other_bootloader else bootloader_services()
        if Behaviour.CANNOT_BE_UPDATED in self._behaviours():
            return application_services(Buttonless.NONE, self.telling)
        return application_services(self.buttonless, self.telling)

    @override
    def _accepts_central(self, central: Central) -> bool:
        # A bonded bootloader listens only to the central that sent it there.
        return self._is_bonded_with(central) or not (
            self.mode is Mode.BOOTLOADER and self.buttonless is Buttonless.BONDED
        )

    @override
    def _link_lost(self) -> None:
        if self.bootloader.running:
            self.bootloader.link_lost()

    @override
    def pair(self) -> bool:
        if self.buttonless is not Buttonless.BONDED and not self.reads_need_bond:
            return False
        return self._bond()

    @override
    def _write(
        self, characteristic: Characteristic, data: bytes, *, response: bool
    ) -> None:
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
        if characteristic.uuid == Buttonless.BONDED.uuid and (
            self.needs_passkey
            or not self._is_bonded_with(self._require_session().central)
        ):
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
            self._enters_bootloader = True
            self.reset()
