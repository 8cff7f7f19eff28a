"""Installing on a lock that Nightlatch sends firmware to itself."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import override

from ..errors import (
    InstallationError,
    InstallationProblem,
    NightlatchError,
    TransportError,
    TransportProblem,
)
from ..firmware.packages import verify_artifact
from ..firmware.verify import VerifiedArtifact
from ..model import FirmwareKey, LockIdentity, Manner, PayloadFormat, Purpose
from ..records.trust import LockFloor
from ..transports.base import FirmwareTransport, Radio
from ..transports.device_information import read_identity
from ..transports.nordic_dfu import NordicDfuTransport
from ..transports.nordic_pace import Pace
from ..transports.smp import SmpTransport, too_large
from ..versions import is_same_version
from .machine import Installation, Job
from .ports import Supply
from .states import Event, State
from .verification import await_return, check_version, find_out, silence

_NOT_STARTED = {TransportProblem.REVERTED, TransportProblem.OTHER_VERSION}
# What is told so of firmware that confirms itself is there for good.
_STAYS = {TransportProblem.ALREADY_KEPT, TransportProblem.CANNOT_BE_KEPT}


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectTarget:
    """The lock that is to be brought to a release."""

    address: str
    floor: LockFloor | None
    in_bootloader: bool = False
    """Whether it seems to be in its bootloader, where it says nothing of itself."""
    reached_by: Callable[[], str | None] = lambda: None
    """Tells which other integration reaches it now, if any."""
    manner: Manner | None = None
    """How a Nordic bootloader of it takes what is sent, if that was learned."""
    learned: Callable[[Manner], None] = lambda _: None
    """Keeps what was learned of that."""


def direct_installation(
    job: Job,
    *,
    target: DirectTarget,
    supply: Supply,
    keys: Sequence[FirmwareKey],
    radio: Radio,
) -> DirectInstallation:
    """Return what brings a lock to a release, over the transport that it is made for."""
    payload = job.release.payload
    assert payload is not None, "chosen for being sent"
    kind = (
        TrialInstallation
        if payload.format is PayloadFormat.MCUBOOT
        else DirectInstallation
    )
    return kind(job, target=target, supply=supply, keys=keys, radio=radio)


class DirectInstallation(Installation):
    """Fetches, verifies and sends an artifact, and asks the lock itself."""

    def __init__(
        self,
        job: Job,
        *,
        target: DirectTarget,
        supply: Supply,
        keys: Sequence[FirmwareKey],
        radio: Radio,
    ) -> None:
        """Prepare the installation; see ``Installation``."""
        super().__init__(job)
        self._target = target
        self._supply = supply
        self._keys = keys
        self._radio = radio
        self._in_bootloader = target.in_bootloader
        if job.entry.purpose is Purpose.RECOVERY:
            # What it ran it does not run before its application answers.
            self._running = None
        self._pace = Pace(target.manner)
        self._verified: VerifiedArtifact | None = None
        """What was fetched and proven, once it was."""

    @override
    async def _resume(self) -> None:
        """Ask the lock where it is, after nobody has looked for a while."""
        self._running = None
        self._report(self.state, None)
        found = await find_out(self._radio, self._target.address, self._name)
        self._running = self._as_read(found) if found else None
        self._in_bootloader = self._running is None

    @override
    async def _install(self) -> None:
        try:
            await self._bring()
        except TransportError as err:
            if err.reason is not TransportProblem.IN_APPLICATION:
                raise
            # Whatever was heard of a bootloader: everything is asked once more.
            self._in_bootloader = False
            if not self._touched:
                self._running = self._identity
            await self._bring()

    async def _bring(self) -> None:
        await self._enter(Event.TURN)
        package = await self._supply.fetch(self._release)
        await self._enter(Event.FETCHED)
        artifact = await self._verify(package)
        await self._enter(Event.VERIFIED)
        await self._preflight(await self._ask())
        await self._supply.keep(self._release, package, self._signer_of(artifact))
        try:
            await self._transport().transfer(
                artifact,
                self._transferred,
                self._about_to_activate,
                self._begin_transfer,
            )
        finally:
            learned = self._pace.learned
            if learned is not None and learned is not self._target.manner:
                self._target.learned(learned)

    @override
    async def _await_return(self) -> None:
        self._in_bootloader = False
        try:
            back = await await_return(self._radio, self._target.address, self._name)
        except TransportError as err:
            self._in_bootloader = err.reason is TransportProblem.IN_BOOTLOADER
            raise silence(err, self._target.reached_by()) from err
        self._running = self._as_read(back)

    def _as_read(self, identity: LockIdentity) -> LockIdentity:
        """Return what the lock has just told, with the version as its vendor finds it.

        A release that was kept before its vendor said how is read as the lock is.
        """
        form = self._release.traits.firmware_text or self._identity.firmware_form
        return identity.read_as(form)

    @override
    def _check_runs_release(self) -> None:
        assert self._running is not None
        check_version(self._running, self._release.version)

    def _transport(self) -> FirmwareTransport:
        return NordicDfuTransport(
            self._radio,
            self._target.address,
            self._name,
            asked=not self._in_bootloader,
            pace=self._pace,
        )

    async def _verify(self, package: bytes) -> VerifiedArtifact:
        floor = self._target.floor
        self._verified = await asyncio.to_thread(
            verify_artifact,
            package,
            self._release,
            keys=self._keys,
            minimum_firmware_version=floor.firmware_version if floor else None,
        )
        return self._verified

    def _signer_of(self, artifact: VerifiedArtifact) -> FirmwareKey:
        return next(
            key for key in self._keys if key.fingerprint == artifact.key_fingerprint
        )

    async def _ask(self) -> LockIdentity:
        """Return what the lock says of itself, or said before it was in its bootloader."""
        if not (self._in_bootloader and self._may_be_stranded):
            try:
                told = await read_identity(
                    self._radio,
                    self._target.address,
                    self._name,
                    # In a bootloader at its own address a cache still sees the
                    # application.
                    fresh_services=True,
                )
            except TransportError as err:
                if err.reason is not TransportProblem.IN_BOOTLOADER:
                    raise silence(err, self._target.reached_by()) from err
                self._in_bootloader = True
                if not self._may_be_stranded:
                    raise
            else:
                self._in_bootloader = False
                self._running = self._as_read(told)
        if self._in_bootloader:
            return self._identity
        assert self._running is not None
        if self._entry.purpose is Purpose.RECOVERY:
            # It has helped itself; whether it gets new firmware is another question.
            raise InstallationError(InstallationProblem.NOT_STRANDED)
        return self._running


class TrialInstallation(DirectInstallation):
    """Brings firmware to a lock that runs it on trial until it is told to keep it.

    MCUboot goes back to the old firmware at the next restart, unless the new one was
    confirmed (MCUboot, docs/design.md, swap types).
    """

    _permanent = False
    """Whether the lock was told that the new firmware stays."""
    _filled = False
    """Whether the new firmware leaves hardly any room in its slot."""
    _withdrawn = False
    """Whether the lock was told not to try the new firmware, which it had not yet."""

    @override
    async def _resume(self) -> None:
        await super()._resume()
        if (
            self._running is not None
            and not self._runs_release
            and self._entry.activated
            and not await self._smp().is_pending(await self._artifact())
        ):
            raise TransportError(TransportProblem.REVERTED)

    @override
    def _check_runs_release(self) -> None:
        try:
            super()._check_runs_release()
        except TransportError as err:
            assert self._running is not None
            if self._entry.activated and is_same_version(
                self._running.firmware_version, self._entry.from_version
            ):
                # Nobody has taken it back: it never started, or not for long.
                raise TransportError(TransportProblem.REVERTED) from err
            raise

    @property
    @override
    def _is_on_trial(self) -> bool:
        # A lock that has lost its power may have tried it before it was told to.
        tried = self._entry.activated or (self._touched and self._runs_release)
        return (
            tried
            and self._running is not None
            and not self._permanent
            and not self._withdrawn
        )

    @override
    async def _leave_nothing_waiting(self, error: NightlatchError) -> NightlatchError:
        if not self._touched or self._running is None or self._runs_release:
            return error
        problem = await self._attempt(self._withdraw())
        if error.reason in _NOT_STARTED and self._filled:
            # It has restarted, and its boot loader has not taken it.
            self._withdrawn = True
            return too_large(len((await self._artifact()).firmware))
        if problem is None:
            return error
        if problem.reason is not TransportProblem.WAITS_FOR_RESTART:
            if not self._entry.activated:
                return error
            # Nobody knows whether it waits: that it went back is not certain.
            problem = TransportError(
                TransportProblem.MAY_WAIT_FOR_RESTART, version=self._entry.version
            )
        self._back = State.NEEDS_HAND
        return problem

    async def _withdraw(self) -> None:
        artifact = await self._artifact()
        self._filled = await self._smp().is_filled(artifact)
        self._withdrawn = await self._smp().withdraw(artifact)

    @override
    async def _go_back(self, problem: NightlatchError | None) -> NightlatchError | None:
        if self._back is not None:
            return problem
        if problem and problem.reason is TransportProblem.CANNOT_BE_KEPT:
            # Nor could it be told to go back.
            self._back = State.NEEDS_HAND
            return problem
        return await super()._go_back(problem)

    @override
    async def _make_permanent(self) -> None:
        try:
            await self._smp().confirm(await self._artifact())
        except TransportError as err:
            # It works. That nobody can tell it so does not matter where it stays anyhow.
            if not (
                err.reason is TransportProblem.CANNOT_BE_KEPT
                and self._release.traits.confirms_itself
            ):
                raise
        self._permanent = True

    @override
    async def _take_back(self) -> None:
        if self._running is None:
            await self._await_return()
        if self._runs_release:
            try:
                await self._smp().take_back(await self._artifact())
            except TransportError as err:
                if (
                    err.reason in _STAYS
                    and self._release.traits.confirms_itself
                    and self._running is not None
                ):
                    raise TransportError(
                        TransportProblem.KEPT_ITSELF,
                        version=self._running.firmware_version,
                    ) from err
                raise
            await self._await_return()
        if self._runs_release:
            raise TransportError(TransportProblem.NOT_TAKEN_BACK)

    @override
    def _transport(self) -> FirmwareTransport:
        return self._smp()

    def _smp(self) -> SmpTransport:
        return SmpTransport(self._radio, self._target.address, self._name)

    async def _artifact(self) -> VerifiedArtifact:
        """Return what was sent; fetched anew only after a restart."""
        if self._verified is not None:
            return self._verified
        return await self._verify(await self._supply.fetch(self._release))
