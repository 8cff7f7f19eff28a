"""A lock of the household: what is known of it, and what it should get."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import TYPE_CHECKING, Any, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from .adapters.storage import told_problem, unsaved_for_now
from .const import CONF_IDENTITY, DOMAIN
from .coordinator import FeedCoordinator
from .core.errors import NightlatchError
from .core.feeds.base import FeedContent
from .core.guard.known import Known
from .core.installation.recovery import what_left_it
from .core.model import LockIdentity, Model, Origin, OutcomeKind, Release
from .core.preflight.base import Check
from .core.records.decisions import Decisions
from .core.records.lock_record import LockRecord, identity_from_dict
from .core.records.outcome_record import OutcomeRecord
from .core.records.trust import LockFloor, Trust
from .core.schedule.plan import Plan
from .core.vendor_facts import TO_DO, VendorFacts
from .core.versions import is_other_version, is_same_version
from .decided_lock import DecidedLock
from .elsewhere import async_note_elsewhere
from .happenings import Happening, HappeningCallback
from .installing import Installer, Progress
from .kinds import make_kind
from .markup import neutral_all
from .messages import async_as_home_assistant_error, told_now
from .settings import Links, parse_links, parse_lock_policy
from .situations import checks_of, plan_of
from .wellbeing import async_note_battery

if TYPE_CHECKING:
    from .household import Household

_LOGGER = logging.getLogger(__name__)

# What another integration says anew is kept when it differs, and now and then.
_LOOK_AGAIN = timedelta(hours=1)
# So often in a day people are told that a lock is in its bootloader.
_BOOTLOADER_NOTICES = 3
_A_DAY = timedelta(days=1)


class ManagedLock(DecidedLock):
    """One lock: what is known of it, and what it should get."""

    def __init__(
        self, hass: HomeAssistant, household: Household, subentry: ConfigSubentry
    ) -> None:
        """Take over the lock of a subentry."""
        self.hass = hass
        self.household = household
        self.subentry_id = subentry.subentry_id
        self.feed_id: str | None = None
        self.known: Known | None = None
        """What the public indexes know of what is offered."""
        self.kind = make_kind(self, subentry)
        self.configure(subentry)
        known = household.store.lock(subentry.subentry_id)
        self.to_be_asked = known is not None
        """Whether it should be asked what it runs, once it is heard."""
        now = dt_util.utcnow()
        self.record = known or LockRecord(
            identity=identity_from_dict(subentry.data[CONF_IDENTITY]),
            read_at=now,
            running_since=now,
        )
        self.facts: VendorFacts = household.facts_of(self)
        """What its maker says of updates."""
        self.decisions: Decisions = household.store.decisions(subentry.subentry_id)
        self._deciding = asyncio.Lock()
        self.in_bootloader = False
        """Whether it waits in its bootloader, as far as was seen."""
        self._bootloader_told: deque[datetime] = deque(maxlen=_BOOTLOADER_NOTICES)
        self.release: Release | None = None
        """What it should get next."""
        self.held: tuple[Check, ...] = ()
        """What kept the release from being installed, when it was last tried."""
        self.installer = Installer(hass, self)
        self._closed = False
        self._changed: set[Callable[[], None]] = set()
        self._happened: set[HappeningCallback] = set()
        # What happens before there is an entity to tell it; one that is disabled never
        # comes.
        self._untold: deque[tuple[Happening, dict[str, str]]] = deque(maxlen=4)

    @callback
    def configure(self, subentry: ConfigSubentry) -> None:
        """Take over what the owner has set."""
        self.name = subentry.title
        self.kind.configure(subentry)
        self.links: Links = parse_links(subentry.data)
        self._policy = parse_lock_policy(subentry.data)

    # What entities listen to.

    @callback
    def async_subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever anything about the lock has changed."""
        self._changed.add(changed)
        return lambda: self._changed.discard(changed)

    @callback
    def async_subscribe_happenings(
        self, happened: HappeningCallback
    ) -> Callable[[], None]:
        """Call back whenever something has happened to the lock."""
        self._happened.add(happened)
        while self._untold:
            happened(*self._untold.popleft())
        return lambda: self._happened.discard(happened)

    @override
    @callback
    def async_changed(self) -> None:
        """Tell everybody who listens that something about the lock is new."""
        self.household.faults.call_each("entities", self._changed, lock=self)

    @callback
    def async_tell(self, happening: Happening, **details: str) -> None:
        """Tell everybody who listens that something has happened."""
        if not self._happened:
            self._untold.append((happening, details))
        self.household.faults.call_each(
            "events", self._happened, happening, details, lock=self
        )
        self.household.async_happened(self, happening, details)

    # What is known.

    @property
    def feed(self) -> FeedCoordinator | None:
        """The lock's feed; None where it has none, or the owner has removed it."""
        return self.household.feeds.get(self.feed_id) if self.feed_id else None

    @property
    def content(self) -> FeedContent | None:
        """What the lock's feed said last; None if it was never heard, or is gone."""
        return self.feed.data if self.feed else None

    @property
    def model(self) -> Model | None:
        """The lock's model as its feed describes it."""
        return self.kind.model

    @property
    def model_name(self) -> str:
        """What people call the model; what the lock calls it until the feed is heard."""
        return self.model.name if self.model else self.record.identity.model

    @property
    def floor(self) -> LockFloor | None:
        """The newest firmware that has run on the lock."""
        return self.household.store.trust.locks.get(self.kind.key)

    @property
    def misbehaves(self) -> bool:
        """Return whether what updates the lock does what it was not told to."""
        return self.kind.misconduct is not None

    @property
    @override
    def progress(self) -> Progress | None:
        """Where a running installation is; None while nothing is being installed."""
        return self.installer.progress

    @property
    def plan(self) -> Plan:
        """When the release would be installed, and what it waits for."""
        return plan_of(self, dt_util.utcnow())

    @property
    def device_id(self) -> str | None:
        """The lock's device in Home Assistant's registry."""
        return self.kind.device_id

    @property
    def update_entity_id(self) -> str | None:
        """The lock's update entity."""
        return er.async_get(self.hass).async_get_entity_id(
            "update", DOMAIN, f"{self.subentry_id}_firmware"
        )

    async def async_checks(self, unattended: bool = False) -> tuple[Check, ...]:
        """Ask all rules of preflight, with what is known now; the lock is not asked."""
        if self.release is None:
            return ()
        return checks_of(self, self.release, unattended=unattended)

    @override
    def error(self, key: str, **placeholders: str) -> HomeAssistantError:
        """Return an error that a person is shown."""
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=neutral_all({"lock": self.name, **placeholders}),
        )

    # Choosing.

    @override
    @callback
    def async_select(self) -> None:
        """Choose the release anew: after a check of the feed, or of the lock."""
        before = self.release
        self._read_as_feed_says()
        self.release = self.kind.select()
        if self.release != before:
            self.held = ()
        if self.release is not None:
            self.note_seen(self.release, self.kind.on_offer())
            known = self.release.version.text == self.record.announced
            if not known and not self.goes_back:
                self._tell_available(self.release)
        self.async_changed()

    def _read_as_feed_says(self) -> None:
        """Read anew what the lock has told, where its feed says otherwise how."""
        read = self.record.read_as(self.kind.firmware_form)
        if read.identity.firmware_version != self.record.identity.firmware_version:
            # What it runs may be on offer: that is not forgotten as soon as it tells it.
            self.to_be_asked = True
        self.record = read

    @callback
    def _tell_available(self, release: Release) -> None:
        """Tell once, also over restarts, that a release is available."""
        self.record = replace(self.record, announced=release.version.text)
        self.household.async_create_task(
            self._async_keep_for_now(), f"record of {self.name}"
        )
        self.async_tell(
            Happening.UPDATE_AVAILABLE,
            installed_version=self.record.identity.firmware_version,
            version=release.version.text,
        )
        if self.kind.by_hand:
            self.async_tell(
                Happening.MANUAL_STEP_NEEDED,
                installed_version=self.record.identity.firmware_version,
                version=release.version.text,
                message=told_now(
                    self.hass,
                    "update_by_hand",
                    lock=self.name,
                    version=release.version.text,
                ),
            )

    # Asking the lock.

    async def async_read(self) -> None:
        """Ask the lock what it runs; raise ``NightlatchError``.

        A lock that is being installed to is left alone.
        """
        if self.progress is not None:
            return
        identity = await self.kind.async_ask()
        self.record = self.record.read_as(identity.firmware_form)
        before = self.record.identity.firmware_version
        if self.record.unsettled is not None and not await self._still_waits(identity):
            self.household.async_create_task(
                self.installer.async_settle(self.record.unsettled),
                f"end of the installation on {self.name}",
            )
            return
        await self.async_learn(identity)
        if is_other_version(before, identity.firmware_version):
            self.household.async_create_task(
                async_note_elsewhere(self, before),
                f"look at what was installed on {self.name}",
            )

    async def _still_waits(self, identity: LockIdentity) -> bool:
        """Return whether a lock has not restarted yet that new firmware waits in.

        To settle it now would restart it, at whatever time of the day.
        """
        outcome = self.record.outcome
        if (
            outcome is None
            or not outcome.waits_for_restart
            or identity.firmware_version != self.record.identity.firmware_version
        ):
            return False
        try:
            return await self.kind.async_waits_for_restart()
        except NightlatchError as err:
            _LOGGER.debug("%s did not say whether it waits: %s", self.name, err)
            return True

    @callback
    def async_look(self) -> None:
        """Take over what another integration has said of the lock by itself."""
        self.household.async_create_task(self._async_look(), f"look at {self.name}")

    async def _async_look(self) -> None:
        if self._closed or self.progress is not None:
            return
        try:
            identity = await self.kind.async_ask()
        except NightlatchError as err:
            _LOGGER.debug("%s did not say what it runs: %s", self.name, err)
            self.async_select()
            return
        # It says something with every percent; the disk need not hear of all that.
        if identity != replace(self.record.identity, battery=None) or self._is_old():
            await self.household.async_read(self)
        else:
            self.async_select()

    def _is_old(self) -> bool:
        outcome, read_at = self.record.outcome, self.record.read_at
        return dt_util.utcnow() - read_at > _LOOK_AGAIN or (
            outcome is not None and outcome.ended >= read_at
        )

    async def async_check_now(self) -> None:
        """Ask for news because a person wants to know; tell what went wrong."""
        await self.kind.async_check()
        try:
            await self.async_read()
        except NightlatchError as err:
            raise await async_as_home_assistant_error(
                self.hass, err, lock=self.name
            ) from err
        feed = self.feed
        if feed is not None and feed.error is not None:
            raise await async_as_home_assistant_error(
                self.hass, feed.error, lock=self.name, feed=feed.title
            )

    async def async_learn(self, identity: LockIdentity) -> None:
        """Keep what the lock says, and never accept older firmware again."""
        if self._closed:
            return
        now = dt_util.utcnow()
        self.record = self.record.reading(
            identity, now, is_known=self._knows_firmware(identity)
        )
        async_note_battery(self, identity.battery)
        await self._async_keep_for_now()
        for release in self.kind.on_offer():
            if release.model == identity.model and is_same_version(
                release.version.text, identity.firmware_version
            ):
                with unsaved_for_now(f"What has run on {self.name}"):
                    await self.async_raise_floor(release)
        self.async_select()

    def _knows_firmware(self, identity: LockIdentity) -> bool:
        """Return whether feed or vault know what a lock is about to have run before.

        A version that only the lock tells is none that anybody could bring back.
        """
        before = self.record.identity.firmware_version
        return (
            is_same_version(before, identity.firmware_version)
            or self.household.vault.running(self) is not None
            or any(
                is_same_version(release.version.text, before)
                for release in self.kind.on_offer()
            )
        )

    async def async_put_right(self, now: datetime) -> None:
        """Drop what a wrong clock has written: it would count for years, or at once."""
        if (record := self.record.put_right(now)) != self.record:
            _LOGGER.warning(
                "%s: the clock was wrong; what it has dated after now is put right",
                self.name,
            )
            self.record = record
            await self.async_keep()
            self.async_changed()
        await self.async_put_decisions_right(now)

    async def async_keep(self) -> None:
        """Write the record to disk; raise ``OSError``, and hold on to it all the same."""
        await self.household.store.async_set_lock(self.subentry_id, self.record)

    async def _async_keep_for_now(self) -> None:
        with unsaved_for_now(f"What is known of {self.name}"):
            await self.async_keep()

    async def async_raise_floor(self, release: Release) -> None:
        """Never accept firmware older than this release again; raise ``OSError``.

        It holds also while it is unsaved.
        """
        floor = LockFloor(
            version=release.version,
            security_version=release.security_version,
            firmware_version=(
                release.payload.firmware_version if release.payload else 0
            ),
        )
        await self.household.store.raise_to(Trust(locks={self.kind.key: floor}))

    @property
    def is_cut_off(self) -> bool:
        """Return whether an installation on it was cut off, and is soon gone on with."""
        unfinished = self.household.unfinished
        return unfinished is not None and unfinished.lock_id == self.subentry_id

    @callback
    def async_found_in_bootloader(self) -> None:
        """Note that the lock waits in its bootloader; tell it if nobody sent it there."""
        if self.progress is None and not self.in_bootloader:
            self.in_bootloader = self.to_be_asked = True
            is_ours = what_left_it(self.record) is not None or self.is_cut_off
            if not is_ours and self._may_tell_of_bootloader():
                self.async_tell(Happening.BOOTLOADER_FOUND)
            self.async_changed()

    def _may_tell_of_bootloader(self) -> bool:
        """Return whether it is news; whoever plays with a lock floods nobody.

        The repair stands there all the same, as long as it is so.
        """
        now = dt_util.utcnow()
        told = self._bootloader_told
        if len(told) == told.maxlen and abs(now - told[0]) < _A_DAY:
            return False
        told.append(now)
        return True

    @callback
    def async_found_in_application(self) -> None:
        """Tell that the lock runs its application again."""
        if self.in_bootloader:
            self.in_bootloader = False
            self.async_changed()

    # Installing.

    async def async_install(self, *, origin: Origin = Origin.PERSON) -> None:
        """Install the chosen release; see ``Installer``."""
        await self.installer.async_install(origin)

    async def async_cancel(self) -> None:
        """Cancel the running installation; see ``Installer``."""
        await self.installer.async_cancel()

    async def async_close(self) -> None:
        """Stop what is running and wait for its end."""
        await self.installer.async_close()
        self._closed = True

    async def async_ended(
        self, outcome: OutcomeRecord, unsettled: Mapping[str, Any] | None = None
    ) -> None:
        """Keep how an installation ended, and what a person has to do after it.

        ``unsettled`` is its journal where only the lock can tell the end, once it is back.
        Raises ``OSError``, and holds on to it all the same.
        """
        self.record = replace(self.record.ended(outcome), unsettled=unsettled)
        if outcome.kind is OutcomeKind.SUCCEEDED:
            to_do = [each for each in self.facts.aftercare if each in TO_DO]
            self.record = replace(self.record, to_do=tuple(map(str, to_do)))
        await self.household.audit.async_note_end(self, outcome)
        await self.async_keep()

    async def async_aftercare_done(self, done: str) -> None:
        """Keep that a person has done what the maker wants after an update."""
        before = self.record.to_do
        left = tuple(each for each in before if each != done)
        self.record = replace(self.record, to_do=left)
        try:
            await self.async_keep()
        except OSError as err:
            self.record = replace(self.record, to_do=before)
            await self._async_keep_for_now()
            raise self.error("decision_unsaved", problem=told_problem(err)) from err
        self.async_changed()
