"""Installing on a lock that Nightlatch sends firmware to itself."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import override

from ..errors import TransportError, TransportProblem
from ..feeds.base import Feed
from ..firmware.nordic import read_package, verify_package
from ..firmware.verify import VerifiedArtifact
from ..model import FirmwareKey, LockIdentity
from ..records.trust import LockFloor
from ..transports.base import Radio
from ..transports.device_information import read_identity
from ..transports.nordic_dfu import NordicDfuTransport
from .machine import Installation, Job
from .states import Event
from .verification import await_return, check_version, find_out


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The lock that is to be brought to a release."""

    address: str
    floor: LockFloor | None
    in_bootloader: bool = False
    """Whether it was seen in its bootloader, where it says nothing of itself."""


class DirectInstallation(Installation):
    """Fetches, verifies and sends an artifact, and asks the lock itself."""

    def __init__(
        self,
        job: Job,
        *,
        target: Target,
        feed: Feed,
        keys: Sequence[FirmwareKey],
        radio: Radio,
    ) -> None:
        """Prepare the installation; see ``Installation``."""
        super().__init__(job)
        self._target = target
        self._feed = feed
        self._keys = keys
        self._radio = radio
        self._in_bootloader = target.in_bootloader

    @override
    async def _resume(self) -> None:
        """Ask the lock where it is, after nobody has looked for a while."""
        self._running = None
        self._report(self.state, None)
        self._running = await find_out(self._radio, self._target.address, self._name)
        self._in_bootloader = self._running is None

    @override
    async def _install(self) -> None:
        await self._enter(Event.TURN)
        package = await self._feed.fetch(self._release)
        await self._enter(Event.FETCHED)
        artifact = await asyncio.to_thread(self._verify, package)
        await self._enter(Event.VERIFIED)
        await self._preflight(await self._ask())
        await self._begin_transfer()
        transport = NordicDfuTransport(self._radio, self._target.address, self._name)
        self._transfer = await transport.transfer(
            artifact, self._transferred, self._about_to_activate
        )

    @override
    async def _await_return(self) -> None:
        self._in_bootloader = False
        try:
            self._running = await await_return(
                self._radio, self._target.address, self._name
            )
        except TransportError as err:
            self._in_bootloader = err.reason is TransportProblem.IN_BOOTLOADER
            raise

    @override
    def _check_runs_release(self) -> None:
        assert self._running is not None
        check_version(self._running, self._release.version)

    def _verify(self, package: bytes) -> VerifiedArtifact:
        payload, floor = self._release.payload, self._target.floor
        assert payload is not None, "chosen for being sent"
        return verify_package(
            read_package(package),
            keys=self._keys,
            hardware_version=payload.hardware_version,
            firmware_version=payload.firmware_version,
            minimum_firmware_version=floor.firmware_version if floor else None,
        )

    async def _ask(self) -> LockIdentity:
        """Return what the lock says of itself, or said before it was in its bootloader."""
        if self._in_bootloader:
            return self._identity
        try:
            self._running = await read_identity(
                self._radio,
                self._target.address,
                self._name,
                # In a bootloader at its own address a cache still sees the application.
                fresh_services=True,
            )
        except TransportError as err:
            if err.reason is not TransportProblem.IN_BOOTLOADER:
                raise
            self._in_bootloader = True
            return self._identity
        return self._running
