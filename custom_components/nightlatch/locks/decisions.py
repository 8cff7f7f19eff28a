"""What people have decided about a lock, and what holds because of it."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore, told_problem, unsaved_for_now
from ..core.model import Purpose, Release, Source
from ..core.moments import is_past, is_too_far
from ..core.records.decisions import Approval, Choice, Decisions
from ..core.schedule.plan import is_approved
from ..core.schedule.policy import LockPolicy, policy_for


class DecidedLock(ABC):
    """The part of a lock of the household that people decide; kept at once."""

    hass: HomeAssistant
    subentry_id: str
    name: str
    decisions: Decisions
    release: Release | None
    """What it should get next."""
    _policy: LockPolicy

    def __init__(
        self, entry: ConfigEntry, store: HouseholdStore, audit: AuditFile
    ) -> None:
        """Take where it is kept, and where it is written down who has decided what."""
        self._entry = entry
        self._store = store
        self._audit = audit
        self._deciding = asyncio.Lock()
        """Held while a decision is being saved: the next one is made on top of it."""

    @abstractmethod
    @callback
    def async_changed(self) -> None:
        """Tell everybody who listens that something about the lock is new."""

    @property
    @abstractmethod
    def progress(self) -> object | None:
        """Where a running installation is; None while nothing is being installed."""

    @abstractmethod
    @callback
    def async_select(self) -> None:
        """Choose the release anew."""

    @abstractmethod
    def error(self, key: str, **placeholders: str) -> HomeAssistantError:
        """Return an error that a person is shown."""

    @property
    def unsaved(self) -> str | None:
        """Return why what is known or decided of it is not saved; None if it is."""
        problem = self._store.problem_of(self.subentry_id)
        return told_problem(problem) if problem else None

    @property
    def policy(self) -> LockPolicy:
        """What the owner has set, as it holds for what is to be installed next."""
        return policy_for(self._policy, self.decisions.choice)

    @property
    def goes_back(self) -> bool:
        """Return whether a person is about to bring it back to what it ran before."""
        choice = self.decisions.choice
        return choice is not None and choice.purpose is Purpose.ROLLBACK

    @property
    def approved_by(self) -> str | None:
        """Who has approved the release, if anybody has."""
        approval = self.decisions.approval
        if self.release is None or not is_approved(self.decisions, self.release):
            return None
        return approval.user_name if approval else None

    @callback
    def note_seen(self, release: Release, offered: Iterable[Release]) -> None:
        """Keep since when a release is on offer here: its soak counts from then."""
        sha256 = release.key
        if sha256 in self.decisions.first_seen:
            return
        known = {each.key for each in offered}
        seen = {
            each: since
            for each, since in self.decisions.first_seen.items()
            if each in known
        }
        self.decisions = replace(
            self.decisions, first_seen={**seen, sha256: dt_util.utcnow()}
        )
        self._begin(self._async_keep_decisions(), f"decisions of {self.name}")

    @callback
    def _begin(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Do something that must not outlive the entry."""
        self._entry.async_create_background_task(self.hass, coroutine, name)

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
        about = self.release.key if at is not None and self.release else None
        await self._async_decide(
            scheduled_at=at, scheduled_for=about, postponed_until=None
        )

    def _check_moment(self, moment: datetime | None) -> None:
        """Refuse a moment that nobody can have meant."""
        if moment is None:
            return
        now = dt_util.utcnow()
        if is_past(moment, now):
            raise self.error("time_is_past")
        if is_too_far(moment, now):
            raise self.error("time_is_too_far")

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
        if self.progress is not None:
            raise self.error("installation_running")
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
        self.async_select()
        if approval is not None:
            await self._async_audit(approval)

    async def async_unchoose(self) -> None:
        """Offer what the feed offers again."""
        await self._async_decide(choice=None, approval=None, scheduled_at=None)
        self.async_select()

    async def async_drop_choice(self) -> None:
        """Offer what the feed offers again: what was chosen was for now."""
        await self._async_note(choice=None, approval=None, scheduled_at=None)
        self.async_select()

    async def async_approve(self, approval: Approval) -> None:
        """Keep a person's consent to one installation."""
        await self._async_decide(approval=approval)
        await self._async_audit(approval)

    async def _async_audit(self, approval: Approval) -> None:
        await self._audit.async_append(
            "approved",
            lock=self.subentry_id,
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

    async def async_note_announced(self, release: Release) -> None:
        """Keep that people were told when a release will be installed."""
        await self._async_note(announced=release.key)

    async def async_decisions_used(self, version: str, sha256: str | None) -> None:
        """Drop what was decided for one installation only, now that it is over.

        It is used whether or not that can be saved. Raises ``OSError``.
        """
        approval = self.decisions.approval
        if approval and (approval.version, approval.sha256) == (version, sha256):
            approval = None
        choice = self.decisions.choice
        if choice and choice.sha256 == sha256:
            choice = None
        self.decisions = replace(
            self.decisions, approval=approval, choice=choice, scheduled_at=None
        )
        await self._store.async_set_decisions(self.subentry_id, self.decisions)
        self.async_changed()

    async def async_put_decisions_right(self, now: datetime) -> None:
        """Drop what a wrong clock has made of what was decided."""
        right = self.decisions.put_right(now)
        if right == self.decisions:
            return
        self.decisions = right
        await self._async_keep_decisions()
        self.async_changed()

    async def async_note_skip(self, version: str | None) -> None:
        """Keep that a version is left out already, or no longer; raise ``OSError``."""
        self.decisions = replace(self.decisions, skipped=version)
        await self._store.async_set_decisions(self.subentry_id, self.decisions)
        self.async_changed()

    async def _async_decide(self, **changes: Any) -> None:
        """Keep what a person decides; raise what people are told where it is not saved.

        Then it does not hold either: nobody relies on what is gone after a restart.
        """
        async with self._deciding:
            before = self.decisions
            self.decisions = replace(before, **changes)
            if self.decisions == before:
                return
            try:
                await self._store.async_set_decisions(self.subentry_id, self.decisions)
            except OSError as err:
                # Something else may have been noted meanwhile.
                self.decisions = replace(
                    self.decisions,
                    **{
                        key: getattr(before, key)
                        for key, value in changes.items()
                        if getattr(self.decisions, key) == value
                    },
                )
                self._store.async_restore_decisions(self.subentry_id, self.decisions)
                raise self.error("decision_unsaved", problem=told_problem(err)) from err
        self.async_changed()

    async def _async_note(self, **changes: Any) -> None:
        """Keep what follows from what has happened; it holds also while it is unsaved."""
        self.decisions = replace(self.decisions, **changes)
        await self._async_keep_decisions()
        self.async_changed()

    async def _async_keep_decisions(self) -> None:
        with unsaved_for_now(f"What was decided about {self.name}"):
            await self._store.async_set_decisions(self.subentry_id, self.decisions)
