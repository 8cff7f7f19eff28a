"""The life of one installation, from the press of a button to a proven end.

Every step is written to the journal before it is done, and every step may be done
twice: after a restart nothing is guessed, the lock is asked. How firmware gets to the
lock, and how the lock is asked, is the business of each kind of lock.
"""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
import logging
from typing import Any

from ..errors import (
    DelegateProblem,
    FeedProblem,
    InstallationError,
    InstallationProblem,
    NightlatchError,
    TransportError,
    TransportProblem,
)
from ..model import LockIdentity, OutcomeKind, Purpose, Release
from ..preflight.base import PreflightError, blockers
from ..schedule.policy import LockPolicy
from ..versions import is_same_version
from .confirmation import confirm_works, door_problem
from .journal import Journal, JournalEntry
from .ports import House
from .states import CANCELLABLE, TOUCHED, Event, State, step

_LOGGER = logging.getLogger(__name__)

# The transfer is nearly all of the time; the rest is kept for proving the result, so
# that a hundred percent never stands there before it is true.
TRANSFER_SHARE = 0.97

_ENDINGS = {
    State.SUCCEEDED: OutcomeKind.SUCCEEDED,
    State.FAILED: OutcomeKind.FAILED,
    State.ROLLED_BACK: OutcomeKind.ROLLED_BACK,
    State.NEEDS_HAND: OutcomeKind.NEEDS_HAND,
    State.CANCELLED: OutcomeKind.CANCELLED,
    State.POSTPONED: OutcomeKind.POSTPONED,
}
_ENDED_ON_PURPOSE = {InstallationProblem.CANCELLED, InstallationProblem.WINDOW_ENDED}
_NOTHING_DONE = {
    DelegateProblem.OTHER_OFFER,
    DelegateProblem.NO_OFFER,
    DelegateProblem.NOT_AVAILABLE,
    FeedProblem.RELEASE_HALTED,
    InstallationProblem.NOT_STRANDED,
    TransportProblem.HELD_ELSEWHERE,
}

type Report = Callable[[State, float | None], None]
"""Gets the state, and the percentage of the whole where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be done, and everything that all kinds of lock need for it."""

    name: str
    identity: LockIdentity
    """As it was last read."""
    release: Release
    house: House
    policy: LockPolicy
    journal: Journal
    entry: JournalEntry
    """One that is not new is gone on with."""
    report: Report
    command_pause: float = 0.0
    """Seconds that the lock needs between two commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an installation ended."""

    kind: OutcomeKind
    running: LockIdentity | None
    """What the lock said of itself last; None when it no longer answers."""
    told: bool = False
    """Whether it has said so in this installation, and not only before."""
    error: NightlatchError | None = None
    in_bootloader: bool = False
    """Whether the lock waits in its bootloader, as far as was seen."""
    touched: bool = False
    """Whether the transfer had begun."""
    door: InstallationError | None = None
    """What is wrong with the bolt, where something else is told as the error."""


class Installation(ABC):
    """One attempt to bring one lock to one release."""

    def __init__(self, job: Job) -> None:
        """Prepare the installation; ``run`` does it."""
        self._name = job.name
        self._identity = job.identity
        self._release = job.release
        self._house = job.house
        self._policy = job.policy
        self._journal = job.journal
        self._entry = job.entry
        self._report = job.report
        self._command_pause = job.command_pause
        self._running: LockIdentity | None = job.identity
        """What the lock runs; None while that is unknown."""
        self._in_bootloader = False
        """Whether it waits in its bootloader, as far as is known."""
        self._touched = job.entry.may_run_anything
        self._working: asyncio.Task[NightlatchError | None] | None = None
        """What may be cancelled."""
        self._cancelled = False
        self._proving = False
        """Whether it was, or is, looked whether the lock works."""
        self._door: InstallationError | None = None
        """What is wrong with the bolt though the lock was not updated."""
        self._back: State | None = None
        """How it ended that the lock went back to its old firmware, if it did."""
        self.overruns = False
        """Whether it goes on though the quiet hours are over: stopping would be worse."""

    @property
    def entry(self) -> JournalEntry:
        """What the journal says of it."""
        return self._entry

    @property
    def state(self) -> State:
        """Where it is."""
        return self._entry.state

    @property
    def unsettles(self) -> bool:
        """Whether the lock may behave strangely: nothing is proven of it yet."""
        return self._entry.may_run_anything or self._entry.purpose is Purpose.RECOVERY

    @property
    def cancellable(self) -> bool:
        """Whether it can still be cancelled."""
        return self._working is not None and self.state in CANCELLABLE

    def cancel(self) -> bool:
        """Cancel; the lock stays with its old firmware. False where it is too late."""
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
        if self.state is State.REVERTING:
            # The trial is over, whatever the lock runs by now.
            self._running = None
            return self._outcome(await self._go_back(None))
        error = await self._attempt(self._resume()) if self._touched else None
        if error is None and not (self._touched and self._runs_release):
            error = await self._work()
        if self._touched and (self._running is None or self._runs_release):
            # However the transfer ended: what the lock runs now is what counts.
            problem = await self._attempt(self._confirm(sent=error is None))
            # Waiting may have helped: then why it was cut off no longer matters.
            error = problem and (problem if self._runs_release else (error or problem))
        if error is not None:
            error = await self._leave_nothing_waiting(error)
        if error is not None and self._is_on_trial:
            error = await self._go_back(error)
        if error is not None:
            await self._look_at_door()
        return self._outcome(error)

    # What each kind of lock does in its own way.

    @abstractmethod
    async def _resume(self) -> None:
        """Find out where the lock is, after nobody has looked for a while."""

    @abstractmethod
    async def _install(self) -> None:
        """Do everything until the lock has the firmware."""

    @abstractmethod
    async def _await_return(self) -> None:
        """Wait until the lock says what it runs; raise where it does not."""

    @abstractmethod
    def _check_runs_release(self) -> None:
        """Raise ``NightlatchError`` unless the lock runs the release."""

    # What only some locks do: those that run new firmware on trial.

    @property
    def _is_on_trial(self) -> bool:
        """Whether the lock can still go, or has gone, back to its old firmware."""
        return False

    async def _leave_nothing_waiting(self, error: NightlatchError) -> NightlatchError:
        """See to it that nothing starts later that nobody watches any more.

        Return what people are told in the end: ``error``, or that it waits all the same.
        """
        return error

    async def _make_permanent(self) -> None:
        """Tell the lock that its new firmware has proven itself."""
        return

    async def _take_back(self) -> None:
        """Make the lock go back to its old firmware, and ask what it runs then."""
        raise NotImplementedError

    # What is the same for all.

    @property
    def _runs_release(self) -> bool:
        if self._running is None:
            return False
        try:
            self._check_runs_release()
        except NightlatchError:
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
            if _is_stopped():
                raise
            if not self._cancelled:
                # Something that it waited for was cancelled, and nobody meant us.
                return InstallationError(
                    InstallationProblem.UNEXPECTED, error="CancelledError"
                )
            return InstallationError(InstallationProblem.CANCELLED)
        finally:
            self._working = None

    async def _attempt(self, part: Coroutine[Any, Any, None]) -> NightlatchError | None:
        """Do a part of it, and return what it failed with, if it did."""
        try:
            await part
        except NightlatchError as err:
            _LOGGER.debug("%s: installation: %s", self._name, err)
            return err
        except Exception as err:
            # A mistake of ours is no reason to leave a lock where it happened.
            _LOGGER.exception("%s: installation failed", self._name)
            return InstallationError(
                InstallationProblem.UNEXPECTED, error=type(err).__name__
            )
        return None

    async def _enter(self, event: Event, percentage: float | None = None) -> None:
        """Write down what comes next, and tell it."""
        state = step(self.state, event)
        # Beginning anew must not hide it from whoever goes on after a second cut.
        touched = self._touched or state in TOUCHED
        activated = self._entry.activated or state is State.ACTIVATING
        await self._note(
            replace(self._entry, state=state, touched=touched, activated=activated)
        )
        self._report(self.state, percentage)

    async def _note(self, entry: JournalEntry) -> None:
        self._entry = entry
        try:
            await self._journal.write(entry)
        except OSError as err:
            raise InstallationError(
                InstallationProblem.JOURNAL, problem=err.strerror or str(err)
            ) from err

    @property
    def _is_way_out(self) -> bool:
        """Whether it only brings a stranded lock back to what it ran before."""
        return self._entry.purpose is Purpose.RECOVERY and is_same_version(
            self._entry.version, self._entry.from_version
        )

    @property
    def _may_be_stranded(self) -> bool:
        """Whether a bootloader that is heard may be taken for this lock's.

        Anybody near can advertise one. It counts for what has sent the lock there
        itself, or only brings out what was left there.
        """
        return self._touched or self._entry.purpose is Purpose.RECOVERY

    async def _preflight(self, identity: LockIdentity) -> None:
        """Ask all rules, with what the lock has just told, and remember its bolt."""
        checks = await self._house.checks(
            identity, stranded=self._in_bootloader and self._may_be_stranded
        )
        if blockers(checks):
            raise PreflightError(checks)
        await self._enter(Event.CLEARED)
        if self._entry.bolt_before is None:
            await self._note(
                replace(self._entry, bolt_before=self._house.surroundings().bolt)
            )
        await self._house.remember_settings(self._entry.attempt)

    async def _begin_transfer(self) -> None:
        """Write down that from now on the lock may run anything."""
        await self._enter(Event.REMEMBERED, 0.0)
        self._touched = True
        self._running = None

    async def _about_to_activate(self) -> None:
        """Write down that there is no way back."""
        await self._enter_all_the_same(Event.SENT, 100 * TRANSFER_SHARE)

    async def _enter_all_the_same(
        self, event: Event, percentage: float | None = None
    ) -> None:
        """Write down what comes next; a full disk must not stop it now."""
        try:
            await self._enter(event, percentage)
        except InstallationError as err:
            _LOGGER.warning("%s: %s", self._name, err)

    async def _confirm(self, *, sent: bool) -> None:
        """Wait until the lock is back, and prove that it is well."""
        if self.state is not State.CONFIRMING:
            await self._enter_all_the_same(
                Event.ACTIVATED
                if sent and self.state is State.ACTIVATING
                else Event.INTERRUPTED,
                100 * TRANSFER_SHARE if sent else None,
            )
        if self._running is None:
            await self._await_return()
        self._check_runs_release()
        await self._prove()
        await self._make_permanent()
        await self._house.compare_settings(self._entry.attempt)

    async def _go_back(self, problem: NightlatchError | None) -> NightlatchError | None:
        """Bring the lock back to what it ran before; return what people are told.

        ``problem`` is why the new firmware is not well; None after a restart, when
        nobody remembers it.
        """
        error = await self._attempt(self._revert())
        if error is None:
            self._back = State.ROLLED_BACK
            return problem or TransportError(TransportProblem.REVERTED)
        self._back = State.NEEDS_HAND
        return error

    async def _revert(self) -> None:
        """Take the new firmware back, and prove that the old one works."""
        if self._running is None or self._runs_release:
            await self._enter_all_the_same(Event.TAKE_BACK)
            await self._take_back()
        await self._prove()
        await self._house.compare_settings(self._entry.attempt)

    async def _prove(self) -> None:
        """Prove that the lock works."""
        self._proving = True
        await confirm_works(
            self._house,
            self._policy,
            self._entry.bolt_before,
            command_pause=self._command_pause,
        )

    async def _look_at_door(self) -> None:
        """Look at the bolt also where nothing was installed: firmware was sent.

        A lock in its bootloader has none, and that is told already.
        """
        if self._touched and not self._proving and not self._in_bootloader:
            self._door = await door_problem(self._house, self._entry.bolt_before)

    def _transferred(self, percentage: float) -> None:
        if self.state is State.TRANSFERRING:
            self._report(self.state, percentage * TRANSFER_SHARE)

    def _outcome(self, error: NightlatchError | None) -> Outcome:
        return Outcome(
            kind=_ENDINGS[self._end(error)],
            running=self._running,
            # Whatever it says anew is another object, also where it says the same.
            told=self._running is not None and self._running is not self._identity,
            error=error,
            in_bootloader=self._in_bootloader,
            touched=self._touched,
            door=self._door,
        )

    def _end(self, error: NightlatchError | None) -> State:
        if self._back is not None:
            return self._back
        if self._door is not None:
            return State.NEEDS_HAND
        if error is None:
            # What brings a stranded lock back to what it ran has updated nothing.
            return State.ROLLED_BACK if self._is_way_out else State.SUCCEEDED
        nothing_done = (
            isinstance(error, PreflightError) or error.reason in _NOTHING_DONE
        )
        if nothing_done and not self._touched:
            return State.POSTPONED
        if self._running is None or (self._touched and self._runs_release):
            return State.NEEDS_HAND
        if nothing_done:
            return State.POSTPONED
        if error.reason in _ENDED_ON_PURPOSE:
            return State.CANCELLED
        return State.FAILED


def _is_stopped() -> bool:
    """Return whether the task that runs this was cancelled, from outside."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
