"""A virtual lock with MCUboot, that is updated over SMP while its application runs."""

from collections.abc import Generator
from typing import override

from .gatt import AdvertisingData, Characteristic, Service
from .image import Behaviour, image_behaviour, image_version
from .lock_body import LockBody, Mode
from .lock_services import (
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    SERIAL_NUMBER,
    SMP_CHARACTERISTIC,
    smp_application_services,
)
from .mcuboot_bootloader import McubootBootloader
from .mcuboot_check import NoImage, SlotImage, read_slot
from .mcuboot_flash import McubootFlash
from .mcuboot_trailer import set_confirmed
from .smp_images import SmpImages
from .smp_server import SmpServer

SERVER_START = 2.0
"""Seconds after a restart until an application shows its SMP service; in the field 60 was
seen too (applications register it when all else is set up)."""
BUSY_RESETS = 1
"""How often each started application refuses a RESET because it is at something (rc 10,
Zephyr's hook MGMT_EVT_OP_OS_MGMT_RESET)."""


class VirtualMcubootLock(LockBody):
    """A lock with two slots: what comes new runs on trial until it is confirmed.

    It is as unkind as the field: busy when it is first told to restart, and not to be
    updated right after it has restarted. Where a test is about something else, ``kind``
    makes it neither. That it wants a bond is up to the test: Zephyr's default is that
    (MCUMGR_TRANSPORT_BT_PERM_RW_AUTHEN), and Nordic's samples do without (.._PERM_RW).
    """

    def __init__(
        self,
        address: str,
        bootloader: McubootBootloader,
        *,
        server: SmpServer | None = None,
        name: str = "Nightlatch",
        manufacturer: str = "Rig Locks",
        model: str = "NL-1",
        serial_number: str = "0001",
        hardware_revision: str | None = "A",
        firmware_text: str = "{}",
        has_battery: bool = True,
        needs_bond: bool = False,
        tells_build: bool = True,
        kind: bool = False,
        service_uuids: tuple[str, ...] = (),
        manufacturer_data: dict[int, bytes] | None = None,
    ) -> None:
        """Build a lock that is still without power.

        With ``tells_build`` it says ``1.0.0+0`` of firmware 1.0.0, as Zephyr does where
        nobody has configured anything else.
        """
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
        self.flash: McubootFlash = bootloader.flash
        # Zephyr does not tell how its boot loader was built unless it is asked to
        # (MCUMGR_GRP_OS_BOOTLOADER_INFO).
        self.server = server or SmpServer(
            SmpImages(bootloader.application_flash), tells_bootloader=False
        )
        self.needs_bond = needs_bond
        """Whether only a bonded central may speak SMP."""
        self.tells_build = tells_build
        self._service_uuids = service_uuids
        self._manufacturer_data = manufacturer_data or {}
        self._running: SlotImage | None = None
        self._mtu = 23
        self.server_start = 0.0 if kind else SERVER_START
        """Seconds until an application that was restarted shows its SMP service."""
        self.busy_resets = 0 if kind else BUSY_RESETS
        """How often each started application refuses to restart."""
        self._restarted = False
        self._serves = True

    @property
    def serves(self) -> bool:
        """Whether its application runs, and lets itself be updated by now."""
        return self.mode is Mode.APPLICATION and self._serves

    @property
    def running(self) -> SlotImage | None:
        """The image that runs; None where none does."""
        return self._running

    @override
    def _firmware_version(self) -> str | None:
        """Return the version of the running firmware, or of what would run."""
        image = self._running
        if image is None:
            try:
                image = read_slot(self.flash.primary)
            except NoImage:
                return None
        version = image_version(image.firmware)
        if version is None or not self.tells_build or "+" in version:
            return version
        return f"{version}+0"

    @override
    def _behaviours(self) -> Behaviour:
        assert self._running is not None, "no application runs"
        return image_behaviour(self._running.firmware)

    # Starting.

    @override
    def _stop(self) -> None:
        self.server.stop()
        self._running = None

    @override
    def _start(self) -> None:
        self._set_mode(Mode.STARTING)
        self._boot(self.bootloader.boot())

    def _boot(self, boot: Generator[float, None, SlotImage | None]) -> None:
        """Let the boot loader do its next step, and wait for as long as that takes."""
        before = self.flash.operations.count
        try:
            seconds = next(boot)
        except StopIteration as booted:
            self._booted(booted.value)
            return
        if self.flash.operations.count > before and self.mode is not Mode.SWAPPING:
            self._set_mode(Mode.SWAPPING)
        self.later(seconds, lambda: self._boot(boot))

    def _booted(self, image: SlotImage | None) -> None:
        self._running = image
        if image is None:
            self._set_mode(Mode.DEAD)
        else:
            self._start_application()

    @override
    def _application_started(self) -> None:
        self.server.start(self)
        self.server.busy_resets = self.busy_resets
        # When a test begins it has long been running.
        late = self.server_start if self._restarted else 0.0
        self._restarted = True
        self._serves = not late
        if late:
            self.later(self.server_start, self._server_started)
        super()._application_started()
        if Behaviour.CONFIRMS_ITSELF in self._behaviours():
            set_confirmed(self.flash)

    def _server_started(self) -> None:
        self._serves = True

    # The server's host.

    @property
    def mtu(self) -> int:
        """The MTU of the connection; of the last one when it has ended."""
        if self._session is not None:
            self._mtu = self._session.central.mtu
        return self._mtu

    def notify_smp(self, data: bytes) -> None:
        """Send a notification of the SMP characteristic."""
        self._notify(SMP_CHARACTERISTIC, data)

    def drop_central(self) -> None:
        """End the connection."""
        self._end_session()
        self.server.link_lost()
        self._advertising_changed()

    # The radio.

    @override
    def _advertised(self) -> AdvertisingData | None:
        if self.mode is not Mode.APPLICATION:
            return None
        return AdvertisingData(
            address=self.address,
            local_name=self.name,
            service_uuids=self._service_uuids,
            manufacturer_data=self._manufacturer_data,
        )

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        updatable = self._serves and (
            self._running is None
            or Behaviour.CANNOT_BE_UPDATED not in self._behaviours()
        )
        return smp_application_services(self.telling, updatable=updatable)

    @override
    def _link_lost(self) -> None:
        self.server.link_lost()

    @override
    def pair(self) -> bool:
        return (self.needs_bond or self.reads_need_bond) and self._bond()

    @override
    def _write_cccd(self, characteristic: Characteristic, data: bytes) -> None:
        if self.needs_bond:
            self._require_bond()
        super()._write_cccd(characteristic, data)
        if not self._require_session().subscribed(characteristic):
            self.server.end_reassembly()

    @override
    def _write(
        self, characteristic: Characteristic, data: bytes, *, response: bool
    ) -> None:
        if self.needs_bond:
            self._require_bond()
        self.server.receive(data)
