"""Installing on a lock of the household: asked for, waiting its turn, going on."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import Any
from uuid import uuid4

from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..adapters.storage import unsaved_for_now
from ..core.errors import InstallationError, NightlatchError, TransportProblem
from ..core.installation.confirmation import BOLT_PROBLEMS, door_problem
from ..core.installation.journal import JournalEntry
from ..core.installation.machine import Installation, Job, Outcome
from ..core.installation.recovery import what_left_it
from ..core.installation.states import State
from ..core.model import (
    LockIdentity,
    Origin,
    OutcomeKind,
    Purpose,
    Release,
    Source,
    Transport,
)
from ..core.moments import is_over
from ..core.preflight.base import PreflightError, blockers
from ..core.schedule.queue import Ticket
from ..core.versions import is_told_as
from ..events import Happening
from ..locks.lock import ManagedLock, Progress
from ..planning.planner import InstallRequest, next_errand
from ..translation import async_as_home_assistant_error, told_now
from .approval import check_approved
from .conclusion import Ending
from .environment import LockHouse
from .services import InstallServices

_LOGGER = logging.getLogger(__name__)

# Until a lock that was asked, and held, is asked again in the same night: a connection
# costs some of its battery. What other integrations know is looked at every minute.
_ASK_AGAIN = timedelta(minutes=15)


class Installer:
    """Brings one lock to its release: at most one installation at a time."""

    def __init__(self, services: InstallServices, lock: ManagedLock) -> None:
        """Take the lock."""
        self._services = services
        self._hass = services.hass
        self._lock = lock
        self._ending = Ending(services, lock)
        self._task: asyncio.Task[Outcome] | None = None
        self._installation: Installation | None = None
        """None while it waits for its turn."""
        self._closing = False
        self._from_version = ""
        """What it ran before."""
        self._version = ""
        """What is being installed."""
        self._purpose = Purpose.UPDATE
        self._overrun_told = False
        self._asked_at: datetime | None = None
        """When the lock was last asked by itself."""

    def may_start_by_itself(self, now: datetime) -> bool:
        """Return whether nothing runs, and the lock was not asked in vain just now."""
        return self._lock.progress is None and (
            self._asked_at is None or is_over(self._asked_at, _ASK_AGAIN, now)
        )

    async def async_install(self, origin: Origin) -> None:
        """Install the chosen release; return when it is proven, raise when it is not.

        The installation goes on when whoever asked for it no longer waits.
        """
        lock = self._lock
        if self._lock.progress is not None:
            raise self._lock.error("installation_running")
        errand = next_errand(lock)
        if (release := lock.release) is None or not (
            lock.kind.can_install_from(errand.source)
        ):
            raise await async_nothing_to_install(lock)
        check_approved(lock, release)
        with unsaved_for_now(f"What was decided about {lock.name}"):
            await self._services.store.async_saved()
        if (problem := lock.unsaved) is not None and origin is Origin.PERSON:
            raise self._lock.error("unsaved", problem=problem)
        unattended = origin is Origin.SCHEDULE
        if lock.in_bootloader and not unattended:
            if origin is not Origin.PERSON and what_left_it(lock.record) is None:
                raise self._lock.error("transport_in_bootloader")
            # A person wants it out of there with this. If it runs its application after
            # all, it does not get it without having been asked like any other.
            errand = replace(errand, purpose=Purpose.RECOVERY)
        if unattended and (
            held := blockers(self._services.planner.checks_beforehand(lock, release))
        ):
            raise await self._ending.async_hold(
                release, PreflightError(held), by_itself=True
            )
        entry = self._new_entry(release, origin, errand)
        if unattended:
            entry = replace(
                entry, window_end=self._services.planner.plan(lock).window_end
            )
        await self._async_follow(self._async_take_turn(release, entry), entry)

    async def async_recover(
        self,
        release: Release,
        source: Source = Source.VAULT,
        origin: Origin = Origin.SCHEDULE,
    ) -> None:
        """Bring a lock out of its bootloader, with firmware that was proven before.

        Return when it works again, raise when it does not.
        """
        if self._lock.progress is not None:
            raise self._lock.error("installation_running")
        errand = InstallRequest(purpose=Purpose.RECOVERY, source=source)
        entry = self._new_entry(release, origin, errand)
        await self._async_follow(self._async_take_turn(release, entry), entry)

    async def async_idle(self) -> None:
        """Wait until also the end of the last installation was kept and told."""
        while self._task is not None and not self._task.done():
            await asyncio.wait((self._task,))

    def _new_entry(
        self, release: Release, origin: Origin, errand: InstallRequest
    ) -> JournalEntry:
        lock = self._lock
        return JournalEntry(
            attempt=uuid4().hex,
            lock_id=lock.subentry_id,
            name=lock.name,
            address=lock.kind.key,
            feed_id=lock.feed_id or "",
            model=release.model,
            version=release.version.text,
            sha256=release.key,
            origin=origin,
            started=dt_util.utcnow(),
            from_version=lock.record.identity.firmware_version,
            trial=release.transport is Transport.SMP,
            purpose=errand.purpose,
            source=errand.source,
        )

    async def async_go_on(self, entry: JournalEntry) -> None:
        """Go on with an installation that was cut off; it ends as any other."""
        try:
            await self._async_follow(self._async_finish(entry), entry)
        except HomeAssistantError as err:
            _LOGGER.debug("%s: %s", self._lock.name, err)

    async def async_settle(self, journal: Mapping[str, Any]) -> None:
        """Find out how an installation ended after which the lock was silent.

        It is back, perhaps with firmware that it runs on trial, and would go back from it
        if nobody told it to stay.
        """
        if self._lock.progress is None:
            await self.async_go_on(JournalEntry.from_dict(journal))

    async def async_cancel(self) -> None:
        """Cancel what runs or waits; raise once the lock activates the firmware."""
        if self._task is None or self._lock.progress is None:
            raise self._lock.error("nothing_to_cancel")
        if self._installation is None:
            self._task.cancel()
            self._lock.async_tell(Happening.CANCELLED)
        elif not self._installation.cancel():
            raise self._lock.error("too_late_to_cancel")
        await asyncio.wait((self._task,))

    async def async_close(self) -> None:
        """Stop what is running and wait for its end; it goes on after the next start."""
        self._closing = True
        if self._task is not None:
            # What has ended is only being kept and told.
            if self._lock.progress is not None:
                self._task.cancel()
            await asyncio.wait((self._task,))

    async def _async_follow(
        self, running: Coroutine[Any, Any, Outcome], entry: JournalEntry
    ) -> None:
        """Run it as a task of its own and wait for its end."""
        if self._closing or self._lock.is_closed:
            # Whoever has looked at it meanwhile looked at a lock that is gone.
            running.close()
            raise self._interrupted()
        self._lock.async_set_progress(Progress(unsettles=entry.may_run_anything))
        task = self._task = self._services.entry.async_create_background_task(
            self._hass, running, f"installation on {self._lock.name}"
        )
        await asyncio.wait((task,))
        if task.cancelled():
            if self._closing:
                raise self._interrupted()
            raise self._lock.error(
                "installation_cancelled",
                standing=told_now(self._hass, "standing_untouched"),
            )
        outcome = task.result()
        error = outcome.error
        if error is None:
            if (problem := self._ending.unsaved) is not None:
                raise self._lock.error(
                    "outcome_unsaved", version=self._version, problem=problem
                )
            return
        texts = self._ending.texts(outcome, self._from_version, self._version)
        raise await texts.async_error(error)

    def _interrupted(self) -> HomeAssistantError:
        return self._lock.error(
            "installation_interrupted",
            standing=told_now(self._hass, "standing_untouched"),
        )

    # What the task does.

    async def _async_take_turn(self, release: Release, entry: JournalEntry) -> Outcome:
        """Wait for the lock's turn, and install."""
        queue = self._services.queue
        try:
            # The turn ends when the end has been told: the next lock must not start
            # before.
            async with queue.turn(self._ticket(entry)):
                return await self._async_run(release, entry)
        except InstallationError as err:
            await self._ending.async_hold(
                release, err, by_itself=entry.origin is Origin.SCHEDULE
            )
            return Outcome(
                kind=OutcomeKind.POSTPONED,
                running=self._lock.record.identity,
                error=err,
            )
        finally:
            self._end()

    async def _async_finish(self, entry: JournalEntry) -> Outcome:
        """Go on with what the journal says was under way."""
        lock = self._lock
        try:
            async with self._services.queue.turn(self._ticket(entry)):
                release = await lock.kind.async_release_of(entry)
                if release is None or not lock.kind.can_install_from(entry.source):
                    return await self._async_end_without_release(entry)
                return await self._async_run(release, entry)
        finally:
            self._end()

    async def _async_end_without_release(self, entry: JournalEntry) -> Outcome:
        """End honestly what cannot be gone on with: by what the lock runs now.

        A lock that was left in its bootloader starts its old firmware by itself, so it
        is waited for.
        """
        lock = self._lock
        self._take_note(entry)
        running: LockIdentity | None = None
        error: NightlatchError | None = None
        try:
            running = await lock.kind.async_find_running()
        except NightlatchError as err:
            error = err
        on_trial = entry.trial and entry.touched
        runs_it = running is not None and is_told_as(
            entry.version, running.firmware_version
        )
        if running is not None and (on_trial or not runs_it):
            error = lock.kind.gone()
        house = LockHouse(self._services, lock, None, unattended=True, window_end=None)
        touched = entry.may_run_anything
        in_bootloader = (
            error is not None and error.reason is TransportProblem.IN_BOOTLOADER
        )
        door: InstallationError | None = None
        if touched and not in_bootloader:
            door = await door_problem(house, entry.bolt_before)
        if error is None:
            error, door = door, None
        outcome = Outcome(
            kind=(
                OutcomeKind.NEEDS_HAND
                if running is None
                or (on_trial and runs_it)
                or door is not None
                or (error is not None and error.reason in BOLT_PROBLEMS)
                else OutcomeKind.FAILED
                if error
                else OutcomeKind.SUCCEEDED
            ),
            running=running,
            told=running is not None,
            error=error,
            in_bootloader=in_bootloader,
            touched=touched,
            door=door,
        )
        await self._ending.async_conclude(entry, None, outcome, 0.0)
        return outcome

    async def _async_run(self, release: Release, entry: JournalEntry) -> Outcome:
        """Install; however it ends is kept and told."""
        lock, services = self._lock, self._services
        loop = self._hass.loop
        started = loop.time()
        self._take_note(entry)
        self._overrun_told = False
        installation = self._installation = lock.kind.installation(
            Job(
                name=lock.name,
                identity=lock.record.identity,
                release=release,
                house=LockHouse(
                    services,
                    lock,
                    release,
                    unattended=entry.origin is Origin.SCHEDULE,
                    window_end=entry.window_end,
                    errand=InstallRequest(purpose=entry.purpose, source=entry.source),
                ),
                policy=lock.policy,
                journal=services.journal,
                entry=entry,
                report=self._report,
                command_pause=lock.facts.command_pause,
            )
        )
        if entry.origin is Origin.SCHEDULE:
            # Before it is known what comes of it: also a fault of ours is not tried
            # again each minute.
            self._asked_at = dt_util.utcnow()
        outcome = await installation.run()
        self._end()
        if outcome.kind is OutcomeKind.POSTPONED:
            assert outcome.error is not None
            await self._ending.async_learn(outcome)
            await self._ending.async_forget()
            await self._ending.async_hold(
                release,
                outcome.error,
                by_itself=entry.origin is Origin.SCHEDULE,
                outcome=outcome,
            )
            return outcome
        self._asked_at = None
        await self._ending.async_conclude(
            installation.entry, release, outcome, loop.time() - started
        )
        return outcome

    # Small things.

    def _take_note(self, entry: JournalEntry) -> None:
        self._from_version, self._version = entry.from_version, entry.version
        self._purpose = entry.purpose

    def _ticket(self, entry: JournalEntry) -> Ticket:
        lock = self._lock
        return Ticket(
            key=lock.subentry_id,
            name=lock.name,
            importance=lock.policy.importance,
            urgent=entry.purpose is Purpose.RECOVERY,
            closes_hole=entry.purpose is Purpose.UPDATE and lock.offer_closes_hole,
        )

    @callback
    def _end(self) -> None:
        self._installation = None
        self._lock.async_set_progress(None)

    @callback
    def _report(self, state: State, percentage: float | None) -> None:
        # States are for people: a step finer than a percent is noise.
        shown = Progress(
            state,
            None if percentage is None else round(percentage),
            self._installation is not None and self._installation.cancellable,
            self._installation is not None and self._installation.unsettles,
        )
        before = self._lock.progress
        # One that goes on after a restart says first of all where it was: no news.
        told = before is None or before.state in {None, State.TRANSFERRING}
        if shown.state is State.TRANSFERRING and not told:
            self._lock.async_tell(
                Happening.STARTED,
                installed_version=self._lock.record.identity.firmware_version,
                version=self._version,
                purpose=str(self._purpose),
            )
        overruns = self._installation is not None and self._installation.overruns
        if overruns and not self._overrun_told:
            self._overrun_told = True
            self._lock.async_tell(
                Happening.OVERRUNS,
                version=self._version,
            )
        self._lock.async_set_progress(shown)


async def async_nothing_to_install(lock: ManagedLock) -> HomeAssistantError:
    """Return what is told to who asks for an installation where nothing is offered."""
    if (why := lock.kind.why_not_offered) is None:
        return lock.error("nothing_to_install")
    return await async_as_home_assistant_error(lock.hass, why, lock=lock.name)


class Installations:
    """The installers of all locks."""

    def __init__(self, services: InstallServices) -> None:
        """Begin with none; each is made when it is needed."""
        self._services = services
        self._installers: dict[str, Installer] = {}

    def of(self, lock: ManagedLock) -> Installer:
        """Return the installer of a lock."""
        installer = self._installers.get(lock.subentry_id)
        if installer is None:
            installer = Installer(self._services, lock)
            self._installers[lock.subentry_id] = installer
        return installer

    async def async_drop(self, lock: ManagedLock) -> None:
        """Stop what runs on a lock that is gone, and wait for its end."""
        installer = self._installers.get(lock.subentry_id)
        if installer is not None:
            await installer.async_close()
            del self._installers[lock.subentry_id]
