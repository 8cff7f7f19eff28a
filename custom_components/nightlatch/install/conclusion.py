"""How an installation on a lock ends: kept, told, and nothing left behind."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import date
from functools import partial
import logging
from typing import Any

from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..adapters.storage import told_problem
from ..core.errors import NightlatchError
from ..core.installation.journal import JournalEntry
from ..core.installation.machine import Outcome
from ..core.installation.recovery import is_news
from ..core.model import OutcomeKind, Purpose, Release
from ..core.preflight.base import Check, PreflightError, worth_telling
from ..core.records.outcome_record import OutcomeRecord
from ..core.schedule.night import night_of
from ..events import ENDINGS, Happening
from ..locks.lock import ManagedLock
from ..markup import Composed, together
from ..planning.planner import environment_of
from ..translation import async_sentence, async_told_check
from .end_texts import EndTexts
from .services import InstallServices

_LOGGER = logging.getLogger(__name__)

# Seconds, until it is looked again whether an end is saved by now.
_LOOK_AGAIN = 5.0


class Ending:
    """Keeps and tells how installations on one lock end."""

    def __init__(self, services: InstallServices, lock: ManagedLock) -> None:
        """Take the lock."""
        self._services = services
        self._hass = services.hass
        self._lock = lock
        self._held_told: tuple[date, str] | None = None
        """The night in which people were told that it is held, and by what."""
        self.unsaved: str | None = None
        """Why it could not be saved how the last one has ended."""

    def texts(self, outcome: Outcome, from_version: str, version: str) -> EndTexts:
        """Return what puts into words how it ended.

        ``from_version`` is what the lock ran before, ``version`` what it should run.
        """
        return EndTexts(
            hass=self._hass,
            outcome=outcome,
            lock=self._lock.name,
            feed=self._lock.feed_title,
            from_version=from_version,
            version=version,
        )

    async def async_conclude(
        self,
        entry: JournalEntry,
        release: Release | None,
        outcome: Outcome,
        seconds: float,
    ) -> None:
        """Keep how it ended, and tell it.

        ``entry`` is what the journal said last, ``seconds`` how long it took.
        """
        lock, services = self._lock, self._services
        record = await self._async_record(entry, outcome, seconds)
        self._held_told = None
        lock.held = ()
        news = is_news(lock.record.outcome, record)
        unsettled = entry.trial and record.kind is OutcomeKind.NEEDS_HAND
        if (
            not record.waits_for_restart
            and outcome.running is not None
            and release is not None
        ):
            # It has told what it runs: nothing will settle by itself any more.
            unsettled = False
        kept = [
            partial(
                async_keep_end,
                services,
                lock,
                record,
                entry.to_dict() if unsettled else None,
            ),
            partial(
                lock.decided.async_decisions_used, record.to_version, record.sha256
            ),
        ]
        succeeded = record.kind is OutcomeKind.SUCCEEDED
        if succeeded and record.purpose is Purpose.ROLLBACK:
            # Somebody wanted to be rid of it: it must not come back by itself.
            kept.append(partial(lock.decided.async_note_skip, record.from_version))
        if release is not None and succeeded:
            kept.append(partial(lock.async_raise_floor, release))
        self.unsaved = await self._async_keep(kept)
        await self.async_learn(outcome)
        if self.unsaved is None:
            await self.async_forget()
        else:
            services.entry.async_create_background_task(
                self._hass,
                self._async_forget_when_saved(entry.attempt),
                f"journal of {lock.name}",
            )
        if not news:
            _LOGGER.debug("%s: still in vain: %s", lock.name, record.message)
            return
        if record.message is not None:
            _LOGGER.warning("%s", record.message)
        lock.async_tell(
            ENDINGS[record.kind],
            from_version=record.from_version,
            version=record.to_version,
            running_version=outcome.running.firmware_version if outcome.running else "",
            seconds=str(record.seconds),
            message=record.message or "",
            reasons=record.reason or "",
            asked_by=str(record.origin),
            purpose=str(record.purpose),
            **_counted(lock.record.outcome),
        )
        if record.is_bad_news:
            services.queue.fail(lock.name)

    async def _async_keep(
        self, kept: Iterable[Callable[[], Coroutine[Any, Any, None]]]
    ) -> str | None:
        """Keep all of it, whatever of it cannot be saved; return why not."""
        problem: str | None = None
        for keep in kept:
            try:
                await keep()
            except OSError as err:
                problem = told_problem(err)
        return problem

    async def _async_forget_when_saved(self, attempt: str) -> None:
        """Keep the journal until the end is on disk: after a restart it tells of it."""
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            if self._lock.unsaved is None:
                break
        await self.async_forget(attempt)

    async def async_forget(self, attempt: str | None = None) -> None:
        """Delete the journal; a disk that refuses must not keep people from being told."""
        try:
            journal = self._services.journal
            if attempt is None:
                await journal.clear()
            else:
                await journal.async_forget(attempt=attempt)
        except OSError as err:
            _LOGGER.warning("%s: the journal was not deleted: %s", self._lock.name, err)

    async def async_learn(self, outcome: Outcome) -> None:
        """Keep what the lock has said of itself, if it has."""
        lock = self._lock
        lock.in_bootloader = outcome.in_bootloader
        if outcome.running is not None and outcome.told:
            await lock.async_learn(outcome.running)
            return
        # What it said before counts as said before.
        if outcome.running is None:
            lock.to_be_asked = True
        lock.async_changed()

    async def async_hold(
        self,
        release: Release,
        error: NightlatchError,
        *,
        by_itself: bool,
        outcome: Outcome | None = None,
    ) -> HomeAssistantError:
        """Tell, once for each new set of reasons, why nothing was done.

        ``by_itself`` is whether nobody had asked for it: such nights are counted.
        ``outcome`` is how far it came, where it was begun.
        """
        lock = self._lock
        lock.held = error.blockers if isinstance(error, PreflightError) else ()
        installed = lock.record.identity
        texts = self.texts(
            outcome
            or Outcome(kind=OutcomeKind.POSTPONED, running=installed, error=error),
            installed.firmware_version,
            release.version.text,
        )
        held = worth_telling(lock.held)
        reasons = {str(check.reason) for check in held} or {str(error.reason)}
        text = ",".join(sorted(reasons))
        night = night_of(dt_util.utcnow(), dt_util.get_default_time_zone())
        told = (night, text)
        if by_itself:
            await lock.async_note_held(release, night, _details_of(error))
        if (held or not lock.held) and told != self._held_told:
            self._held_told = told
            waits = by_itself or lock.decisions.chosen_time(release.key) is not None
            why = await self._async_why_held(held)
            lock.async_tell(
                Happening.HELD,
                version=release.version.text,
                installed_version=installed.firmware_version,
                reasons=text,
                why=why,
                message=(
                    await async_sentence(
                        self._hass,
                        "held_waits",
                        {
                            "lock": lock.name,
                            "version": release.version.text,
                            "why": why,
                        },
                    )
                    if waits and held
                    else await texts.async_message() or ""
                ),
            )
        choice = lock.decisions.choice
        if (
            choice is not None
            and choice.purpose is Purpose.ROLLBACK
            and choice.sha256 == release.key
        ):
            # Nobody waits for a way back: the code that approved it was for now.
            await lock.decided.async_drop_choice()
        lock.async_changed()
        return await texts.async_error(error)

    async def _async_why_held(self, held: Iterable[Check]) -> Composed:
        names = {"lock": self._lock.name}
        return together(
            [await async_told_check(self._hass, check, names) for check in held]
        )

    async def _async_record(
        self, entry: JournalEntry, outcome: Outcome, seconds: float
    ) -> OutcomeRecord:
        """Return how it ended, as it is kept."""
        lock = self._lock
        approval = lock.decisions.approval
        return OutcomeRecord(
            attempt=entry.attempt,
            kind=outcome.kind,
            origin=entry.origin,
            started=entry.started,
            ended=dt_util.utcnow(),
            seconds=round(seconds, 1),
            from_version=entry.from_version,
            to_version=entry.version,
            sha256=entry.sha256,
            touched=outcome.touched,
            reason=str(outcome.error.reason) if outcome.error else None,
            door=str(outcome.door.reason) if outcome.door else None,
            message=await self.texts(
                outcome, entry.from_version, entry.version
            ).async_message(),
            approval=(
                approval
                if approval is not None and approval.covers(entry.version, entry.sha256)
                else None
            ),
            purpose=entry.purpose,
            environment=environment_of(lock),
        )


async def async_keep_end(
    services: InstallServices,
    lock: ManagedLock,
    outcome: OutcomeRecord,
    unsettled: Mapping[str, Any] | None = None,
) -> None:
    """Write down how an installation ended; see ``ManagedLock.async_note_ended``.

    Raises ``OSError``; it holds all the same.
    """
    lock.async_note_ended(outcome, unsettled)
    last = lock.record.outcome
    # Recoveries in vain count once.
    if last is None or last.attempt != outcome.attempt or last.tries <= 1:
        await _async_audit(services, lock, outcome)
    await lock.async_keep()


async def _async_audit(
    services: InstallServices, lock: ManagedLock, outcome: OutcomeRecord
) -> None:
    current = services.journal.current
    approval = outcome.approval
    kept = services.vault.release(outcome.sha256 or "")
    await services.audit.async_append(
        "installation_ended",
        lock=lock.subentry_id,
        attempt=outcome.attempt,
        outcome=str(outcome.kind),
        purpose=str(outcome.purpose),
        asked_by=str(outcome.origin),
        from_version=outcome.from_version,
        to_version=outcome.to_version,
        source=(
            str(current.source)
            if current is not None and current.attempt == outcome.attempt
            else None
        ),
        sha256=outcome.sha256,
        signer=kept.signer.fingerprint if kept and kept.signer else None,
        touched=outcome.touched,
        reason=outcome.reason,
        approved_by=approval.user_id if approval else None,
        second_factor=approval.second_factor if approval else None,
        overrides=sorted(map(str, approval.overrides)) if approval else None,
    )


def _details_of(error: NightlatchError) -> Mapping[str, Mapping[str, str]]:
    """Return each reason why nothing was done, and what its sentence names."""
    if isinstance(error, PreflightError):
        return {str(check.reason): check.placeholders for check in error.blockers}
    return {str(error.reason): error.details}


def _counted(outcome: OutcomeRecord | None) -> dict[str, str]:
    """Return how often a lock was tried to be brought out of its bootloader in vain."""
    if outcome is None or not outcome.is_fruitless:
        return {}
    return {"tries": str(outcome.tries)}
