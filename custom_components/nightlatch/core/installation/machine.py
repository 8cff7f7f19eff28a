"""The life of one installation, from the press of a button to a proven end."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from enum import StrEnum
import logging
from typing import Any

from ..errors import (
    InstallationError,
    InstallationProblem,
    NightlatchError,
    TransportError,
    TransportProblem,
)
from ..feeds.base import Feed
from ..firmware.nordic import read_package, verify_package
from ..firmware.verify import VerifiedArtifact
from ..model import FirmwareKey, LockIdentity, OutcomeKind, Release
from ..preflight.base import Linked, PreflightError, Verdict
from ..preflight.bolt import check_bolt
from ..preflight.power import check_battery
from ..preflight.suitability import check_suitability
from ..records.trust import LockFloor
from ..transports.base import Radio, TransferReport
from ..transports.device_information import read_identity
from ..transports.nordic_dfu import NordicDfuTransport
from .verification import await_return, check_version

_LOGGER = logging.getLogger(__name__)


class Stage(StrEnum):
    """Where an installation is."""

    FETCHING = "fetching"
    VERIFYING = "verifying"
    PREFLIGHT = "preflight"
    TRANSFERRING = "transferring"
    CONFIRMING = "confirming"


# The transfer is nearly all of the time; the rest is kept for proving the result, so
# that a hundred percent never stands there before it is true.
_TRANSFER_SHARE = 0.97

type Report = Callable[[Stage, float | None], None]
"""Gets the stage, and the percentage of the whole where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The lock that is to be brought to a release."""

    name: str
    address: str
    identity: LockIdentity
    """As it was last read."""
    floor: LockFloor | None
    linked: Linked
    in_bootloader: bool = False
    """Whether it was seen in its bootloader, where it says nothing of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an installation ended."""

    kind: OutcomeKind
    running: LockIdentity | None
    """What the lock said of itself last; None when it no longer answers."""
    error: NightlatchError | None = None
    in_bootloader: bool = False
    """Whether the lock waits in its bootloader, as far as was seen."""
    transfer: TransferReport | None = None


class Installation:
    """One attempt to bring one lock to one release."""

    def __init__(
        self,
        *,
        target: Target,
        release: Release,
        feed: Feed,
        keys: Sequence[FirmwareKey],
        radio: Radio,
        report: Report,
    ) -> None:
        """Prepare the installation; ``run`` does it."""
        self._target = target
        self._release = release
        self._feed = feed
        self._keys = keys
        self._radio = radio
        self._report = report
        self._running: LockIdentity | None = target.identity
        """What the lock runs; None while that is unknown."""
        self._in_bootloader = target.in_bootloader
        """Whether it waits in its bootloader, and not for this installation."""
        self._transfer: TransferReport | None = None

    async def run(self) -> Outcome:
        """Do it, and return how it ended, whatever happened."""
        error = await self._attempt(self._install())
        if self._running is None:
            # However the transfer ended: what the lock runs now is what counts.
            self._report(Stage.CONFIRMING, None if error else 100 * _TRANSFER_SHARE)
            problem = await self._attempt(self._confirm())
            self._in_bootloader = (
                problem is not None and problem.reason is TransportProblem.IN_BOOTLOADER
            )
            error = problem and (error or problem)
        return self._outcome(error)

    async def _attempt(self, part: Coroutine[Any, Any, None]) -> NightlatchError | None:
        """Do a part of it, and return what it failed with, if it did."""
        try:
            await part
        except NightlatchError as err:
            _LOGGER.debug("%s: installation: %s", self._target.name, err)
            return err
        except Exception as err:
            # A mistake of ours is no reason to leave a lock where it happened.
            _LOGGER.exception("%s: installation failed", self._target.name)
            return InstallationError(
                InstallationProblem.UNEXPECTED, error=type(err).__name__
            )
        return None

    async def _install(self) -> None:
        self._report(Stage.FETCHING, None)
        package = await self._feed.fetch(self._release)
        self._report(Stage.VERIFYING, None)
        artifact = await asyncio.to_thread(self._verify, package)
        self._report(Stage.PREFLIGHT, None)
        await self._preflight()
        self._report(Stage.TRANSFERRING, 0.0)
        self._running = None
        self._in_bootloader = False
        transport = NordicDfuTransport(
            self._radio, self._target.address, self._target.name
        )
        self._transfer = await transport.transfer(artifact, self._transferred)

    async def _confirm(self) -> None:
        """Wait until the lock is back, and check what it runs."""
        self._running = await await_return(
            self._radio, self._target.address, self._target.name
        )
        check_version(self._running, self._release.version)

    def _verify(self, package: bytes) -> VerifiedArtifact:
        floor = self._target.floor
        return verify_package(
            read_package(package),
            keys=self._keys,
            hardware_version=self._release.payload.hardware_version,
            firmware_version=self._release.payload.firmware_version,
            minimum_firmware_version=floor.firmware_version if floor else None,
        )

    async def _preflight(self) -> None:
        """Ask the lock itself; what was known of it may have changed since."""
        identity = await self._ask()
        linked = self._target.linked
        checks = (
            check_suitability(identity, self._release, self._target.floor),
            check_battery(
                linked.battery if linked.has_battery else identity.battery,
                self._release,
            ),
            check_bolt(linked.bolt),
        )
        if any(check.verdict is Verdict.BLOCKER for check in checks):
            raise PreflightError(checks)

    async def _ask(self) -> LockIdentity:
        """Return what the lock says of itself, or said before it was in its bootloader."""
        if self._target.in_bootloader:
            return self._target.identity
        try:
            self._running = await read_identity(
                self._radio,
                self._target.address,
                self._target.name,
                # In a bootloader at its own address a cache still sees the application.
                fresh_services=True,
            )
        except TransportError as err:
            if err.reason is not TransportProblem.IN_BOOTLOADER:
                raise
            self._in_bootloader = True
            return self._target.identity
        return self._running

    def _transferred(self, percentage: float) -> None:
        self._report(Stage.TRANSFERRING, percentage * _TRANSFER_SHARE)

    def _outcome(self, error: NightlatchError | None) -> Outcome:
        if error is None:
            kind = OutcomeKind.SUCCEEDED
        elif self._running is None:
            kind = OutcomeKind.NEEDS_HAND
        else:
            kind = OutcomeKind.FAILED
        return Outcome(
            kind=kind,
            running=self._running,
            error=error,
            in_bootloader=self._in_bootloader,
            transfer=self._transfer,
        )
