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
STALL_TIMEOUT = 420.0
"""Seconds without progress, after which none comes: zwave-js itself waits five minutes
for what a lock says last."""
BEGUN_AFTER = 60.0
"""Seconds at work after which who tells no progress counts as having begun: what is refused
is refused sooner."""
IDLE_TIMEOUT = 180.0
"""Seconds for which a source may be idle though its call has not returned."""
AWAY_TIMEOUT = 1800.0
"""Seconds for which a source may be away with a lock under way: a broker that is updated,
a hub that restarts. Other locks wait for this one meanwhile."""
ABORT_TIMEOUT = 240.0
TOLD_TIMEOUT = 5.0
"""Seconds for what a lock has answered to be told."""
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
        self._begun = self._touched
        """Whether anything of the firmware was seen to go to the lock."""
        self._at_work_since: float | None = None
        self._unasked: DelegateError | None = None
        """Why the lock itself could not be asked what it runs."""
        self._given_up = False
        """Whether nothing more is expected of a source that says it is at work."""
        # Where the device registry says the same as the source before, it must follow.
        first = delegate.reading()
        self._build_before = first.device_version
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
            async with asyncio.timeout(DEADLINES[self._release.transport]) as limit:
                await self._hand_over(going_on=going_on)
        except TimeoutError:
            if not limit.expired():
                # Somebody else's, who had less patience.
                raise
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
            rest = _is_known if self._given_up else _is_at_rest
            found = await self._await(rest, REPORT_TIMEOUT)
            if (
                found is not None
                and self._delegate.can_ask
                and runs(found, self._release.version)
            ):
                await self._ask_lock()
        reading = self._delegate.reading()
        if not reading.available or reading.installed is None:
            raise DelegateError(DelegateProblem.DID_NOT_COME_BACK)
        if self._unasked is not None and runs(reading, self._release.version):
            raise self._unasked
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
        if error is not None and error.reason in _NOT_BEGUN and not self._begun:
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
                    self._ask(
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

    async def _ask(self, version: str | None) -> None:
        """Tell the source to install; return when its call does, or raise.

        The call of some returns when all is over, and that of any may never: it is seen
        to that there is something to wait for.
        """
        calls = [
            asyncio.ensure_future(self._delegate.install(version)),
            asyncio.ensure_future(self._await_stall()),
        ]
        try:
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            # One that was cut off, as by a reload of its integration, says nothing of
            # the lock: it is as one that never returns.
            ended = calls[0] in done and not calls[0].cancelled()
            await (calls[0] if ended else calls[-1])
        except DelegateError as err:
            if err.reason is DelegateProblem.REFUSED and self._has_begun():
                raise DelegateError(
                    DelegateProblem.BROKE_OFF, problem=err.details["problem"]
                ) from err
            raise
        finally:
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)

    async def _await_stall(self) -> None:
        """Raise once nothing comes any more of what the source was told to do.

        What fails in its first second emits no end in some, and the call of one that
        was reloaded in the middle never returns.
        """
        loop = asyncio.get_running_loop()
        moved = at_work = loop.time()
        absence = _Absence(at_work)
        before, worked = self._delegate.reading().percentage, False
        while True:
            reading, now = self._delegate.reading(), loop.time()
            if reading.percentage != before:
                before, moved = reading.percentage, now
            absence.look(reading, now)
            if reading.in_progress or not reading.available:
                worked, at_work = worked or reading.in_progress, now
            elif now - at_work >= (IDLE_TIMEOUT if worked else START_TIMEOUT):
                raise DelegateError(
                    DelegateProblem.LOST_SIGHT
                    if worked
                    else DelegateProblem.NEVER_STARTED
                )
            if self._delegate.kind.tells_progress and now - moved >= (
                STALL_TIMEOUT if self._has_begun() else START_TIMEOUT
            ):
                self._given_up = True
                raise DelegateError(
                    DelegateProblem.STUCK
                    if self._begun
                    else DelegateProblem.NEVER_STARTED
                )
            await self._delegate.changed(_LOOK)

    def _has_begun(self) -> bool:
        """Return whether anything was seen to go to the lock, by now or before."""
        reading, kind = self._delegate.reading(), self._delegate.kind
        now = asyncio.get_running_loop().time()
        if reading.in_progress and self._at_work_since is None:
            self._at_work_since = now
        # Some tell nothing of the first half minute, but that they are at work.
        self._begun = (
            self._begun
            or (
                reading.in_progress
                and (bool(reading.percentage) or kind.begins_with_lock)
            )
            or (
                not kind.tells_progress
                and self._at_work_since is not None
                and now - self._at_work_since >= BEGUN_AFTER
            )
        )
        return self._begun

    async def _follow(self) -> None:
        """Tell how far it is."""
        while True:
            reading = self._delegate.reading()
            self._has_begun()
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
        loop = asyncio.get_running_loop()
        absence = _Absence(loop.time())
        while True:
            reading = self._delegate.reading()
            if reading.available and not reading.in_progress:
                return
            absence.look(reading, loop.time())
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
            if await self._await(self._is_not_proven, SETTLE_TIME) is not None:
                continue
            if not self._delegate.can_ask or await self._ask_lock():
                return
            await asyncio.sleep(_LOOK)

    async def _ask_lock(self) -> bool:
        """Let the lock itself say what it runs; return whether it did."""
        try:
            await self._delegate.ask()
        except DelegateError as err:
            self._unasked = DelegateError(
                DelegateProblem.NOT_ASKED,
                problem=err.details["problem"],
                wanted=self._release.version.text,
            )
            return False
        self._unasked = None
        await self._await(self._is_not_proven, TOLD_TIMEOUT)
        return True

    def _is_not_proven(self, reading: SourceReading) -> bool:
        return not self._is_proven(reading)

    def _is_proven(self, reading: SourceReading) -> bool:
        return (
            reading.available
            and not reading.in_progress
            and runs(reading, self._release.version)
            and (not self._mirrored or reading.device_version == reading.installed)
            and (not self._needs_other_build or self._has_other_build(reading))
        )

    @property
    def _needs_other_build(self) -> bool:
        """Whether only its build id tells what the lock runs: nobody can ask it."""
        return self._delegate.kind.tells_image and not self._delegate.can_ask

    def _has_other_build(self, reading: SourceReading) -> bool:
        return reading.device_version not in {None, self._build_before}

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


class _Absence:
    """For how long a source has been away without a break."""

    def __init__(self, now: float) -> None:
        """Begin at a moment of the loop's clock."""
        self._there = now

    def look(self, reading: SourceReading, now: float) -> None:
        """Raise ``DelegateError`` where it has been away for too long."""
        if reading.available:
            self._there = now
        elif now - self._there >= AWAY_TIMEOUT:
            raise DelegateError(DelegateProblem.LOST_SIGHT)


def _is_known(reading: SourceReading) -> bool:
    return reading.available and reading.installed is not None


def _is_at_rest(reading: SourceReading) -> bool:
    return _is_known(reading) and not reading.in_progress
