"""What people have decided about a lock, and what holds because of it."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore, told_problem, unsaved_for_now
from ..core.model import Purpose, Release, Source
from ..core.moments import is_past, is_too_far
from ..core.records.decisions import Approval, Choice, Decisions
from ..core.schedule.plan import is_approved
from ..lock_view import LockView


class DecidedLock(LockView, Protocol):
    """A lock that people decide about, and is told what follows from that."""

    @property
    def release(self) -> Release | None:
        """What it should get next."""

    def async_changed(self) -> None:
        """Tell everybody who listens that something about the lock is new."""

    def async_select(self) -> None:
        """Choose the release anew."""

    def error(self, key: str, **placeholders: str) -> HomeAssistantError:
        """Return an error that a person is shown."""


class LockDecisions:
    """What people have decided about one lock; kept at once."""

    def __init__(
        self,
        lock: DecidedLock,
        entry: ConfigEntry,
        store: HouseholdStore,
        audit: AuditFile,
    ) -> None:
        """Take the lock, and where it is written down who has decided what."""
        self._lock = lock
        self._entry = entry
        self._store = store
        self._audit = audit
        self.kept: Decisions = store.decisions(lock.subentry_id)
        """As they are kept."""
        self._deciding = asyncio.Lock()
        """Held while a decision is being saved: the next one is made on top of it."""

    @property
    def goes_back(self) -> bool:
        """Return whether a person is about to bring it back to what it ran before."""
        choice = self.kept.choice
        return choice is not None and choice.purpose is Purpose.ROLLBACK

    @property
    def approved_by(self) -> str | None:
        """Who has approved the release, if anybody has."""
        approval = self.kept.approval
        if self._lock.release is None or not is_approved(self.kept, self._lock.release):
            return None
        return approval.user_name if approval else None

    @callback
    def note_seen(self, release: Release, offered: Iterable[Release]) -> None:
        """Keep since when a release is on offer here: its soak counts from then."""
        sha256 = release.key
        if sha256 in self.kept.first_seen:
            return
        known = {each.key for each in offered}
        seen = {
            each: since for each, since in self.kept.first_seen.items() if each in known
        }
        self.kept = replace(self.kept, first_seen={**seen, sha256: dt_util.utcnow()})
        self._entry.async_create_background_task(
            self._lock.hass,
            self._async_keep(gathers=True),
            f"decisions of {self._lock.name}",
        )

    async def async_pin(self, version: str | None) -> None:
        """Let the lock stay at a version; None lifts that."""
        await self._async_decide(pinned=version)

    async def async_skip(self, version: str | None) -> None:
        """Leave one version out; None lifts that."""
        await self._async_decide(skipped=version)

    async def async_postpone(self, until: datetime | None) -> None:
        """Install nothing by itself before a moment."""
        self._check_moment(until)
        await self._async_decide(postponed_until=until, scheduled_at=None)

    async def async_schedule(self, at: datetime | None) -> None:
        """Install at a moment that a person has chosen."""
        self._check_moment(at)
        about = (
            self._lock.release.key if at is not None and self._lock.release else None
        )
        await self._async_decide(
            scheduled_at=at, scheduled_for=about, postponed_until=None
        )

    def _check_moment(self, moment: datetime | None) -> None:
        """Refuse a moment that nobody can have meant."""
        if moment is None:
            return
        now = dt_util.utcnow()
        if is_past(moment, now):
            raise self._lock.error("time_is_past")
        if is_too_far(moment, now):
            raise self._lock.error("time_is_too_far")

    async def async_choose(
        self,
        release: Release,
        source: Source,
        purpose: Purpose,
        approval: Approval | None = None,
    ) -> None:
        """Offer one release out of the vault, until it is installed or unchosen.

        ``approval`` is whose consent it has already. Raises ``HomeAssistantError`` while
        something is being installed, which would lose its own approval by that.
        """
        if self._lock.progress is not None:
            raise self._lock.error("installation_running")
        await self._async_decide(
            choice=Choice(
                sha256=release.key,
                version=release.version.text,
                source=source,
                purpose=purpose,
            ),
            approval=approval,
            scheduled_at=None,
        )
        self._lock.async_select()
        if approval is not None:
            await self._async_audit(approval)

    async def async_unchoose(self) -> None:
        """Offer what the feed offers again."""
        await self._async_decide(choice=None, approval=None, scheduled_at=None)
        self._lock.async_select()

    async def async_drop_choice(self) -> None:
        """Offer what the feed offers again: what was chosen was for now."""
        await self._async_note(choice=None, approval=None, scheduled_at=None)
        self._lock.async_select()

    async def async_approve(self, approval: Approval) -> None:
        """Keep a person's consent to one installation."""
        await self._async_decide(approval=approval)
        await self._async_audit(approval)

    async def _async_audit(self, approval: Approval) -> None:
        await self._audit.async_append(
            "approved",
            lock=self._lock.subentry_id,
            user=approval.user_id,
            version=approval.version,
            sha256=approval.sha256,
            second_factor=approval.second_factor,
            overrides=sorted(map(str, approval.overrides)),
            words=approval.words,
        )

    async def async_revoke(self) -> None:
        """Take a consent back; whoever is about to transfer looks again."""
        await self._async_decide(approval=None)

    @property
    def holds_for_this_lock(self) -> bool:
        """Return whether anything holds that would not for another lock."""
        left = self.kept.of_another_lock()
        return replace(left, first_seen=self.kept.first_seen) != self.kept

    async def async_end_all(self) -> None:
        """End what was decided: it was about another lock. A soak begins anew."""
        self.kept = self.kept.of_another_lock()
        await self._async_keep()
        self._lock.async_changed()

    async def async_note_announced(self, release: Release) -> None:
        """Keep that people were told when a release will be installed.

        They are told of all locks at once, and it is written once.
        """
        await self._async_note(gathers=True, announced=release.key)

    async def async_decisions_used(self, version: str, sha256: str | None) -> None:
        """Drop what was decided for one installation only, now that it is over.

        It is used whether or not that can be saved. Raises ``OSError``.
        """
        approval = self.kept.approval
        if approval and (approval.version, approval.sha256) == (version, sha256):
            approval = None
        choice = self.kept.choice
        if choice and choice.sha256 == sha256:
            choice = None
        self.kept = replace(
            self.kept, approval=approval, choice=choice, scheduled_at=None
        )
        await self._store.async_set_decisions(self._lock.subentry_id, self.kept)
        self._lock.async_changed()

    @callback
    def put_right(self, now: datetime) -> bool:
        """Drop what a wrong clock has made of what was decided; return whether it has.

        Nothing is kept by that: many locks are put right at once.
        """
        if (right := self.kept.put_right(now)) == self.kept:
            return False
        self.kept = right
        return True

    async def async_keep_gathered(self) -> None:
        """Keep it as it is now, in one write with what others keep at the same time."""
        await self._async_keep(gathers=True)

    async def async_note_skip(self, version: str | None) -> None:
        """Keep that a version is left out already, or no longer; raise ``OSError``."""
        self.kept = replace(self.kept, skipped=version)
        await self._store.async_set_decisions(self._lock.subentry_id, self.kept)
        self._lock.async_changed()

    async def _async_decide(self, **changes: Any) -> None:
        """Keep what a person decides; raise what people are told where it is not saved.

        Then it does not hold either: nobody relies on what is gone after a restart.
        """
        async with self._deciding:
            before = self.kept
            self.kept = replace(before, **changes)
            if self.kept == before:
                return
            try:
                await self._store.async_set_decisions(self._lock.subentry_id, self.kept)
            except OSError as err:
                # Something else may have been noted meanwhile.
                self.kept = replace(
                    self.kept,
                    **{
                        key: getattr(before, key)
                        for key, value in changes.items()
                        if getattr(self.kept, key) == value
                    },
                )
                self._store.async_restore_decisions(self._lock.subentry_id, self.kept)
                raise self._lock.error(
                    "decision_unsaved", problem=told_problem(err)
                ) from err
        self._lock.async_changed()

    async def _async_note(self, *, gathers: bool = False, **changes: Any) -> None:
        """Keep what follows from what has happened; it holds also while it is unsaved."""
        self.kept = replace(self.kept, **changes)
        await self._async_keep(gathers=gathers)
        self._lock.async_changed()

    async def _async_keep(self, *, gathers: bool = False) -> None:
        with unsaved_for_now(f"What was decided about {self._lock.name}"):
            await self._store.async_set_decisions(
                self._lock.subentry_id, self.kept, gathers=gathers
            )
