"""The life of one installation, from the press of a button to a proven end.

Every step is written to the journal before it is done, and every step may be done
twice: after a restart nothing is guessed, the lock is asked.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
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
from ..preflight.base import PreflightError, blockers
from ..records.trust import LockFloor
from ..schedule.policy import LockPolicy
from ..transports.base import Radio, TransferReport
from ..transports.device_information import read_identity
from ..transports.nordic_dfu import NordicDfuTransport
from .confirmation import confirm_works
from .journal import Journal, JournalEntry
from .ports import House
from .states import CANCELLABLE, TOUCHED, Event, State, step
from .verification import await_return, check_version, find_out

_LOGGER = logging.getLogger(__name__)

# The transfer is nearly all of the time; the rest is kept for proving the result, so
# that a hundred percent never stands there before it is true.
_TRANSFER_SHARE = 0.97

_ENDINGS = {
    State.SUCCEEDED: OutcomeKind.SUCCEEDED,
    State.FAILED: OutcomeKind.FAILED,
    State.NEEDS_HAND: OutcomeKind.NEEDS_HAND,
    State.CANCELLED: OutcomeKind.CANCELLED,
    State.POSTPONED: OutcomeKind.POSTPONED,
}

type Report = Callable[[State, float | None], None]
"""Gets the state, and the percentage of the whole where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The lock that is to be brought to a release."""

    name: str
    address: str
    identity: LockIdentity
    """As it was last read."""
    floor: LockFloor | None
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
    touched: bool = False
    """Whether the transfer had begun."""


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
        house: House,
        policy: LockPolicy,
        journal: Journal,
        entry: JournalEntry,
        report: Report,
    ) -> None:
        """Prepare the installation; ``run`` does it.

        With an ``entry`` that is not new it goes on with what was cut off.
        """
        self._target = target
        self._release = release
        self._feed = feed
        self._keys = keys
        self._radio = radio
        self._house = house
        self._policy = policy
        self._journal = journal
        self._entry = entry
        self._report = report
        self._running: LockIdentity | None = target.identity
        """What the lock runs; None while that is unknown."""
        self._in_bootloader = target.in_bootloader
        """Whether it waits in its bootloader."""
        self._touched = entry.touched or entry.state in TOUCHED
        self._transfer: TransferReport | None = None
        self._working: asyncio.Task[NightlatchError | None] | None = None
        """What may be cancelled."""
        self._cancelled = False

    @property
    def state(self) -> State:
        """Where it is."""
        return self._entry.state

    @property
    def cancellable(self) -> bool:
        """Whether it can still be cancelled."""
        return self._working is not None and self.state in CANCELLABLE

    def cancel(self) -> bool:
        """Cancel; the lock goes back to its old firmware. False where it is too late."""
        if self._working is None or not self.cancellable:
            return False
        self._cancelled = True
        self._working.cancel()
        return True

    async def run(self) -> Outcome:
        """Do it, and return how it ended, whatever happened.

        If the task that runs it is cancelled the journal stays: another installation
        with its entry goes on.
        """
        error = await self._attempt(self._resume()) if self._touched else None
        if error is None and not (self._touched and self._runs_release):
            error = await self._work()
        if self._touched and (self._running is None or self._runs_release):
            # However the transfer ended: what the lock runs now is what counts.
            problem = await self._attempt(self._confirm(sent=error is None))
            # Waiting may have helped: then why it was cut off no longer matters.
            error = problem and (problem if self._runs_release else (error or problem))
        return self._outcome(error)

    @property
    def _runs_release(self) -> bool:
        if self._running is None:
            return False
        try:
            check_version(self._running, self._release.version)
        except TransportError:
            return False
        return True

    async def _work(self) -> NightlatchError | None:
        """Do everything that may be cancelled, as a task of its own."""
        self._working = asyncio.ensure_future(self._attempt(self._install()))
        try:
            return await asyncio.shield(self._working)
        except asyncio.CancelledError:
            if not self._cancelled:
                self._working.cancel()
            await asyncio.wait((self._working,))
            if not self._cancelled or _is_stopped():
                raise
            return InstallationError(InstallationProblem.CANCELLED)
        finally:
            self._working = None

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

    async def _enter(self, event: Event, percentage: float | None = None) -> None:
        """Write down what comes next, and tell it."""
        state = step(self.state, event)
        # Beginning anew must not hide it from whoever goes on after a second cut.
        touched = self._touched or state in TOUCHED
        await self._note(replace(self._entry, state=state, touched=touched))
        self._report(self.state, percentage)

    async def _note(self, entry: JournalEntry) -> None:
        self._entry = entry
        try:
            await self._journal.write(entry)
        except OSError as err:
            raise InstallationError(
                InstallationProblem.JOURNAL, problem=err.strerror or str(err)
            ) from err

    async def _resume(self) -> None:
        """Ask the lock where it is, after nobody has looked for a while."""
        self._running = None
        self._report(self.state, None)
        self._running = await find_out(
            self._radio, self._target.address, self._target.name
        )
        self._in_bootloader = self._running is None

    async def _install(self) -> None:
        await self._enter(Event.TURN)
        package = await self._feed.fetch(self._release)
        await self._enter(Event.FETCHED)
        artifact = await asyncio.to_thread(self._verify, package)
        await self._enter(Event.VERIFIED)
        await self._preflight()
        await self._enter(Event.CLEARED)
        if self._entry.bolt_before is None:
            await self._note(
                replace(self._entry, bolt_before=self._house.surroundings().bolt)
            )
        await self._enter(Event.REMEMBERED, 0.0)
        self._touched = True
        self._running = None
        transport = NordicDfuTransport(
            self._radio, self._target.address, self._target.name
        )
        self._transfer = await transport.transfer(
            artifact, self._transferred, self._about_to_activate
        )

    async def _about_to_activate(self) -> None:
        """Write down that there is no way back; a full disk must not stop it now."""
        try:
            await self._enter(Event.SENT, 100 * _TRANSFER_SHARE)
        except InstallationError as err:
            _LOGGER.warning("%s: %s", self._target.name, err)

    async def _confirm(self, *, sent: bool) -> None:
        """Wait until the lock is back, and prove that it is well."""
        if self.state is not State.CONFIRMING:
            try:
                await self._enter(
                    Event.ACTIVATED
                    if sent and self.state is State.ACTIVATING
                    else Event.INTERRUPTED,
                    100 * _TRANSFER_SHARE if sent else None,
                )
            except InstallationError as err:
                _LOGGER.warning("%s: %s", self._target.name, err)
        if self._running is None:
            self._in_bootloader = False
            try:
                self._running = await await_return(
                    self._radio, self._target.address, self._target.name
                )
            except TransportError as err:
                self._in_bootloader = err.reason is TransportProblem.IN_BOOTLOADER
                raise
        check_version(self._running, self._release.version)
        await confirm_works(self._house, self._policy, self._entry.bolt_before)

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
        checks = await self._house.checks(identity, in_bootloader=self._in_bootloader)
        if blockers(checks):
            raise PreflightError(checks)

    async def _ask(self) -> LockIdentity:
        """Return what the lock says of itself, or said before it was in its bootloader."""
        if self._in_bootloader:
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
        if self.state is State.TRANSFERRING:
            self._report(self.state, percentage * _TRANSFER_SHARE)

    def _outcome(self, error: NightlatchError | None) -> Outcome:
        return Outcome(
            kind=_ENDINGS[self._end(error)],
            running=self._running,
            error=error,
            in_bootloader=self._in_bootloader,
            transfer=self._transfer,
            touched=self._touched,
        )

    def _end(self, error: NightlatchError | None) -> State:
        if error is None:
            return State.SUCCEEDED
        if self._running is None or (self._touched and self._runs_release):
            return State.NEEDS_HAND
        if isinstance(error, PreflightError):
            return State.POSTPONED
        if error.reason is InstallationProblem.CANCELLED:
            return State.CANCELLED
        return State.FAILED


def _is_stopped() -> bool:
    """Return whether the task that runs this was cancelled, from outside."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
