"""The life of one installation, from the press of a button to a proven end."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
import logging

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

# The proof has waited long enough already.
_GONE = {TransportProblem.IN_BOOTLOADER, TransportProblem.DID_NOT_COME_BACK}

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
        try:
            await self._install()
        except NightlatchError as err:
            _LOGGER.debug("%s: installation failed: %s", self._target.name, err)
            return await self._failed(err)
        except Exception as err:
            # A mistake of ours is no reason to leave a lock where it happened.
            _LOGGER.exception("%s: installation failed", self._target.name)
            return await self._failed(
                InstallationError(
                    InstallationProblem.UNEXPECTED, error=type(err).__name__
                )
            )
        return self._outcome(OutcomeKind.SUCCEEDED)

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
        self._report(Stage.CONFIRMING, 100 * _TRANSFER_SHARE)
        self._running = await self._await_return()
        check_version(self._running, self._release.version)

    async def _await_return(self) -> LockIdentity:
        return await await_return(self._radio, self._target.address, self._target.name)

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
                self._radio, self._target.address, self._target.name
            )
        except TransportError as err:
            if err.reason is not TransportProblem.IN_BOOTLOADER:
                raise
            self._in_bootloader = True
            return self._target.identity
        return self._running

    def _transferred(self, percentage: float) -> None:
        self._report(Stage.TRANSFERRING, percentage * _TRANSFER_SHARE)

    async def _failed(self, error: NightlatchError) -> Outcome:
        """Find out what the lock runs after a failure, where that is not known."""
        if error.reason in _GONE:
            self._in_bootloader = error.reason is TransportProblem.IN_BOOTLOADER
            return self._outcome(OutcomeKind.NEEDS_HAND, error)
        if self._running is None:
            self._report(Stage.CONFIRMING, None)
            try:
                self._running = await self._await_return()
            except TransportError as err:
                _LOGGER.debug("%s: silent afterwards: %s", self._target.name, err)
                self._in_bootloader = err.reason is TransportProblem.IN_BOOTLOADER
                return self._outcome(OutcomeKind.NEEDS_HAND, error)
        return self._outcome(OutcomeKind.FAILED, error)

    def _outcome(
        self, kind: OutcomeKind, error: NightlatchError | None = None
    ) -> Outcome:
        return Outcome(
            kind=kind,
            running=self._running,
            error=error,
            in_bootloader=self._in_bootloader,
            transfer=self._transfer,
        )
