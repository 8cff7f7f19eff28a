"""Installing on a lock that another integration updates: told when, watched, proven."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
import logging
from typing import override

from ..errors import (
    DelegateError,
    DelegateProblem,
    InstallationError,
    InstallationProblem,
    NightlatchError,
)
from ..guard.offer import runs
from ..guard.source import Completion, Delegate, SourceReading
from ..model import Transport
from .machine import Installation, Job, Outcome
from .states import CANCELLABLE, Event, State

_LOGGER = logging.getLogger(__name__)

# Seconds that an installation may take in all; several times what it takes when all
# goes well, for sleeping locks are asked again and again.
DEADLINES = {
    Transport.NETWORK: 1800.0,
    Transport.ZWAVE: 2 * 3600.0,
    Transport.MATTER: 2 * 3600.0,
    Transport.ZIGBEE: 4 * 3600.0,
    Transport.OTHER: 2 * 3600.0,
}
START_TIMEOUT = 600.0
"""Seconds for a source that returns at once to report progress: locks sleep."""
REPORT_TIMEOUT = 900.0
"""Seconds for the lock to restart and its integration to tell what it runs."""
SETTLE_TIME = 90.0
"""Seconds for which what is told must hold: a lock restarts within them."""
ABORT_TIMEOUT = 60.0
_LOOK = 30.0
# Above this it is over sooner than it is aborted.
_NEARLY_DONE = 95.0

_NOT_BEGUN = {DelegateProblem.REFUSED, DelegateProblem.NEVER_STARTED}

type Clock = Callable[[], datetime]


class DelegatedInstallation(Installation):
    """Tells another integration to install, and believes only what it sees."""

    def __init__(self, job: Job, *, delegate: Delegate, clock: Clock) -> None:
        """Prepare the installation; see ``Installation``."""
        super().__init__(job)
        self._delegate = delegate
        self._clock = clock
        self._handed_over = False
        """Whether the source has said that it is done."""
        # Where the device registry says the same as the source before, it must follow.
        first = delegate.reading()
        self._mirrored = (
            first.device_version is not None and first.device_version == first.installed
        )

    @property
    @override
    def cancellable(self) -> bool:
        """Whether it can still be cancelled: what runs elsewhere, only where it lets."""
        return (
            self._working is not None
            and self.state in CANCELLABLE
            and (self.state is not State.TRANSFERRING or self._delegate.can_abort)
        )

    # What is particular.

    @override
    async def _resume(self) -> None:
        """See what the source says, once it is there again."""
        self._report(self.state, None)
        reading = await self._await(
            lambda seen: seen.available and seen.installed is not None, REPORT_TIMEOUT
        )
        if reading is None:
            self._running = None
            raise DelegateError(DelegateProblem.DID_NOT_COME_BACK)
        self._learn(reading)

    @override
    async def _install(self) -> None:
        await self._enter(Event.TURN)
        reading = self._delegate.reading()
        # It may have gone on without us; then there is nothing to ask for.
        going_on = self._touched and reading.in_progress
        if not going_on:
            self._check_offer(reading)
        await self._enter(Event.FETCHED)
        await self._enter(Event.VERIFIED)
        if going_on:
            await self._enter(Event.CLEARED)
        else:
            await self._preflight(replace(self._identity, firmware_version=self._told))
            # Writing that down took time: what would be installed now?
            self._check_offer(self._delegate.reading())
        await self._begin_transfer()
        try:
            async with asyncio.timeout(DEADLINES[self._release.transport]):
                await self._hand_over(going_on=going_on)
        except TimeoutError:
            await self._abort_if_possible()
            raise DelegateError(DelegateProblem.STUCK) from None
        except asyncio.CancelledError:
            # When Home Assistant stops, the lock goes on alone.
            if self._cancelled:
                await self._abort_if_possible()
            raise
        self._handed_over = True
        await self._about_to_activate()

    @override
    async def _await_return(self) -> None:
        """Wait until the lock is seen to run the release; or to be at rest again."""
        if self._handed_over:
            await self._await_proof()
        else:
            await self._await(_is_at_rest, REPORT_TIMEOUT)
        reading = self._delegate.reading()
        if not reading.available or reading.installed is None:
            raise DelegateError(DelegateProblem.DID_NOT_COME_BACK)
        self._learn(reading)
        if runs(reading, self._release.version) and not self._is_proven(reading):
            # The source believes it; the device's own record does not say so.
            wanted = self._release.version.text
            if reading.device_version is None:
                raise DelegateError(DelegateProblem.NOT_TOLD, wanted=wanted)
            raise DelegateError(
                DelegateProblem.NOT_CONFIRMED,
                running=reading.device_version,
                wanted=wanted,
            )

    @override
    def _check_runs_release(self) -> None:
        reading = self._delegate.reading()
        if reading.installed is None:
            raise DelegateError(DelegateProblem.DID_NOT_COME_BACK)
        if not runs(reading, self._release.version):
            raise DelegateError(
                DelegateProblem.OTHER_VERSION,
                running=reading.installed,
                wanted=self._release.version.text,
            )

    @override
    def _outcome(self, error: NightlatchError | None) -> Outcome:
        """Return how it ended; who never began has not been touched."""
        outcome = super()._outcome(error)
        if error is not None and error.reason in _NOT_BEGUN:
            return replace(outcome, touched=False)
        return outcome

    # Small things.

    @property
    def _told(self) -> str:
        return self._delegate.reading().installed or self._identity.firmware_version

    def _learn(self, reading: SourceReading) -> None:
        assert reading.installed is not None
        self._running = replace(self._identity, firmware_version=reading.installed)

    def _check_offer(self, reading: SourceReading) -> None:
        """Check that what would be installed is what was chosen and approved."""
        if not reading.available:
            raise DelegateError(DelegateProblem.NOT_AVAILABLE)
        wanted = self._release.version.text
        if reading.offered is None:
            raise DelegateError(DelegateProblem.NO_OFFER, wanted=wanted)
        if reading.offered != wanted:
            raise DelegateError(
                DelegateProblem.OTHER_OFFER, offered=reading.offered, wanted=wanted
            )

    async def _hand_over(self, *, going_on: bool) -> None:
        """Let the source install, and return when it is over."""
        watching = asyncio.ensure_future(self._follow())
        try:
            if not going_on:
                reading = self._delegate.reading()
                await self._until_window_ends(
                    self._delegate.install(
                        self._release.version.text if reading.takes_version else None
                    )
                )
                if self._delegate.kind.completion is Completion.RETURNS:
                    return
                await self._await_start()
            await self._until_window_ends(self._await_end())
        finally:
            watching.cancel()
            await asyncio.wait((watching,))

    async def _follow(self) -> None:
        """Tell how far it is."""
        while True:
            reading = self._delegate.reading()
            if reading.percentage is not None:
                self._transferred(reading.percentage)
            await self._delegate.changed(_LOOK)

    async def _await_start(self) -> None:
        version = self._release.version
        started = await self._await(
            lambda seen: seen.in_progress or runs(seen, version), START_TIMEOUT
        )
        if started is None:
            await self._abort_if_possible()
            raise DelegateError(DelegateProblem.NEVER_STARTED)

    async def _await_end(self) -> None:
        """Wait until nothing is in progress; a lock that restarts says nothing."""
        while True:
            reading = self._delegate.reading()
            if reading.available and not reading.in_progress:
                return
            await self._delegate.changed(_LOOK)

    async def _until_window_ends[T](self, running: Awaitable[T]) -> T:
        """Wait for something; abort it at the end of the quiet hours where that helps."""
        task = asyncio.ensure_future(running)
        end = self._entry.window_end
        try:
            if end is not None:
                left = (end - self._clock()).total_seconds()
                await asyncio.wait((task,), timeout=max(left, 0.0))
                if not task.done():
                    await self._window_ended()
            return await task
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _window_ended(self) -> None:
        """Stop what can be stopped without harm; else go on, and tell."""
        percentage = self._delegate.reading().percentage or 0.0
        if self._delegate.can_abort and percentage < _NEARLY_DONE:
            await self._abort_if_possible()
            raise InstallationError(InstallationProblem.WINDOW_ENDED)
        self.overruns = True
        self._report(self.state, None)

    async def _abort_if_possible(self) -> None:
        if not self._delegate.can_abort:
            return
        try:
            async with asyncio.timeout(ABORT_TIMEOUT):
                await self._delegate.abort()
                while self._delegate.reading().in_progress:
                    await self._delegate.changed(_LOOK)
        except (DelegateError, TimeoutError) as err:
            _LOGGER.warning("%s: not aborted: %r", self._name, err)

    async def _await_proof(self) -> None:
        """Wait until it is proven, and still is after a while.

        Some sources report the new version as soon as the lock has the image, before it
        restarts; one that falls back to its old firmware then says so only later.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + REPORT_TIMEOUT
        while (left := deadline - loop.time()) > 0:
            if await self._await(self._is_proven, left) is None:
                return
            if await self._await(self._is_not_proven, SETTLE_TIME) is None:
                return

    def _is_not_proven(self, reading: SourceReading) -> bool:
        return not self._is_proven(reading)

    def _is_proven(self, reading: SourceReading) -> bool:
        return (
            reading.available
            and not reading.in_progress
            and runs(reading, self._release.version)
            and (not self._mirrored or reading.device_version == reading.installed)
        )

    async def _await(
        self, wanted: Callable[[SourceReading], bool], timeout: float
    ) -> SourceReading | None:
        """Return the first reading that is as wanted; None after ``timeout`` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not wanted(reading := self._delegate.reading()):
            left = deadline - loop.time()
            if left <= 0:
                return None
            await self._delegate.changed(min(_LOOK, left))
        return reading


def _is_at_rest(reading: SourceReading) -> bool:
    return (
        reading.available and not reading.in_progress and reading.installed is not None
    )
