"""A lock of the household: what is known of it, and what it should get."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
import logging
from typing import Any, Protocol

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.entities import read_surroundings
from ..adapters.storage import HouseholdStore, told_problem, unsaved_for_now
from ..const import CONF_IDENTITY, DOMAIN
from ..coordinator import FeedCoordinator
from ..core.advisories.published import PublishedAdvisory
from ..core.advisories.security import (
    Assessment,
    SecurityState,
    assess,
    state_of,
    support_of,
)
from ..core.feeds.base import FeedContent
from ..core.guard.known import Known
from ..core.installation.aftercare import drains
from ..core.installation.journal import JournalEntry
from ..core.installation.recovery import what_left_it
from ..core.installation.states import State
from ..core.model import (
    BatteryReading,
    Halt,
    LockIdentity,
    Manner,
    Model,
    OutcomeKind,
    Release,
    Severity,
)
from ..core.preflight.base import Check
from ..core.preflight.rehearsal import Rehearsal
from ..core.records.decisions import Decisions
from ..core.records.held_record import held_once_more
from ..core.records.lock_record import LockRecord, identity_from_dict
from ..core.records.outcome_record import OutcomeRecord
from ..core.records.trust import LockFloor, Trust
from ..core.schedule.policy import LockPolicy, policy_for
from ..core.schedule.soak import urgency_of
from ..core.schedule.stage import is_let_out
from ..core.vendor_facts import TO_DO, KnownFacts, VendorFacts
from ..core.versions import VersionScheme, is_same_version, is_told_as, is_version
from ..events import Happening, HappeningCallback
from ..faults import Faults
from ..markup import neutral_all
from ..members import Members
from ..settings import Links, parse_links, parse_lock_policy
from ..translation import told_now
from .decisions import LockDecisions
from .kind import Kind

_LOGGER = logging.getLogger(__name__)

# So often in a day people are told that a lock is in its bootloader.
_BOOTLOADER_NOTICES = 3
_A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running installation is."""

    state: State | None = None
    """None while it waits for its turn."""
    percentage: int | None = None
    cancellable: bool = True
    unsettles: bool = False
    """Whether the lock may behave strangely: nothing is proven of it yet."""


class LockListener(Protocol):
    """Who is told what is new about the locks."""

    def async_lock_changed(self, lock: ManagedLock) -> None:
        """Note that something about a lock is new, and let it tell its entities."""

    def async_lock_touched(self, *, past: bool) -> None:
        """Note that something is new of which people are told later, if at all.

        ``past`` tells whether what the plans of other locks rest on may be: what was
        installed on it, on which model and which door.
        """

    def async_lock_happened(
        self, lock: ManagedLock, happening: Happening, details: dict[str, str]
    ) -> None:
        """Tell everybody what has happened to a lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockServices:
    """What the locks use of the house."""

    hass: HomeAssistant
    entry: ConfigEntry
    store: HouseholdStore
    feeds: Members[FeedCoordinator]
    faults: Faults
    audit: AuditFile
    listener: LockListener
    vendor_facts: KnownFacts
    make_kind: Callable[[ManagedLock, ConfigSubentry], Kind]


class ManagedLock:
    """One lock: what is known of it, and what it should get.

    It neither plans nor installs nor asks itself anything; others do that for it.
    """

    def __init__(self, services: LockServices, subentry: ConfigSubentry) -> None:
        """Take over the lock of a subentry."""
        self.hass = services.hass
        self.revision = 0
        """Counts what has become new about it, told or not."""
        self._services = services
        self.subentry_id = subentry.subentry_id
        self.known: Known | None = None
        """What the public indexes know of what is offered."""
        known = services.store.lock(subentry.subentry_id)
        self.to_be_asked = known is not None
        """Whether it should be asked what it runs, once it is heard."""
        now = dt_util.utcnow()
        self._record = known or LockRecord(
            identity=identity_from_dict(subentry.data[CONF_IDENTITY]),
            read_at=now,
            running_since=now,
        )
        self.decided = LockDecisions(
            self, services.entry, services.store, services.audit
        )
        """What people decide about it."""
        self.kind: Kind = services.make_kind(self, subentry)
        self.configure(subentry)
        # Also one that was removed and added again, or is out of a backup, is no lower
        # than it was: the floors of its door are still there.
        self._record = replace(
            self._record,
            lock_number=max(
                self._record.lock_number,
                services.store.trust.lock_number(self.kind.key),
            ),
        )
        self.facts: VendorFacts = self._find_facts()
        """What its maker says of updates."""
        self.in_bootloader = False
        """Whether it waits in its bootloader, as far as was seen."""
        self.cut_off: JournalEntry | None = None
        """What was cut off on it, and is soon gone on with."""
        self._bootloader_told: deque[datetime] = deque(maxlen=_BOOTLOADER_NOTICES)
        self.release: Release | None = None
        """What it should get next."""
        self.assessment = Assessment()
        """What is published that is, or may be, about what it runs."""
        self.held: tuple[Check, ...] = ()
        """What kept the release from being installed, when it was last tried."""
        self.rehearsal: Rehearsal | None = None
        """What came of trying the way to it, since Nightlatch was started."""
        self.let_go_until: datetime | None = None
        """Until when nothing of ours connects to it; a person has wanted that."""
        self._progress: Progress | None = None
        self.installing_since: datetime | None = None
        """When the running installation was begun; None while nothing is installed."""
        self.is_closed = False
        """Whether it is gone: what is still under way must not write about it."""
        self._changed: set[Callable[[], None]] = set()
        self._minutes: set[Callable[[], None]] = set()
        self._progressed: set[Callable[[], None]] = set()
        self._happened: set[HappeningCallback] = set()
        # What happens before there is an entity to tell it; one that is disabled never
        # comes.
        self._untold: deque[tuple[Happening, dict[str, str]]] = deque(maxlen=4)

    def _find_facts(self) -> VendorFacts:
        identity = self._record.identity
        return self._services.vendor_facts.of(
            identity.manufacturer,
            (identity.model, *self.kind.other_names),
            self.kind.integration,
        )

    @callback
    def configure(self, subentry: ConfigSubentry) -> None:
        """Take over what the owner has set."""
        self.name = subentry.title
        self.kind.configure(subentry)
        self.links: Links = parse_links(subentry.data)
        self._policy = parse_lock_policy(subentry.data)
        self.revision += 1
        self._services.listener.async_lock_touched(past=True)

    @property
    def decisions(self) -> Decisions:
        """What people have decided about it."""
        return self.decided.kept

    @property
    def skips(self) -> str | None:
        """The version that a person has left out, here or at its source."""
        release = self.release
        if release is not None and (
            self.kind.skipped_by_person(release)
            or self.decisions.leaves_out(release.version.text)
        ):
            return release.version.text
        return self.decisions.skipped

    async def async_note_skip(self, version: str | None) -> None:
        """Keep that a version is left out already, or no longer; raise ``OSError``."""
        if version is None:
            await self.kind.async_want_after_all()
        await self.decided.async_note_skip(version)

    @property
    def policy(self) -> LockPolicy:
        """What the owner has set, as it holds for what is to be installed next."""
        return policy_for(self._policy, self.decisions.choice, self.release)

    @property
    def unsaved(self) -> str | None:
        """Why what is known or decided of it is not saved; None if it is."""
        problem = self._services.store.problem_of(self.subentry_id)
        return told_problem(problem) if problem else None

    @property
    def record(self) -> LockRecord:
        """What is kept of it."""
        return self._record

    @record.setter
    def record(self, record: LockRecord) -> None:
        before, self._record = self._record, record
        self.revision += 1
        self._services.listener.async_lock_touched(
            past=record.history is not before.history
            or record.identity.model != before.identity.model
        )

    # What entities listen to.

    @callback
    def async_subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever anything about the lock has changed."""
        self._changed.add(changed)
        return lambda: self._changed.discard(changed)

    @callback
    def async_subscribe_progress(
        self, progressed: Callable[[], None]
    ) -> Callable[[], None]:
        """Call back with each step of an installation as well, of which there are many."""
        self._progressed.add(progressed)
        return lambda: self._progressed.discard(progressed)

    @callback
    def async_subscribe_happenings(
        self, happened: HappeningCallback
    ) -> Callable[[], None]:
        """Call back whenever something has happened to the lock."""
        self._happened.add(happened)
        while self._untold:
            happened(*self._untold.popleft())
        return lambda: self._happened.discard(happened)

    @callback
    def async_changed(self) -> None:
        """Tell everybody who listens that something about the lock is new."""
        self.revision += 1
        self._services.listener.async_lock_changed(self)

    @callback
    def async_tell_entities(self) -> None:
        """Let its entities show what is new; whoever follows the lock tells when."""
        self._services.faults.call_each("entities", self._changed, lock=self)

    @callback
    def async_subscribe_minute(self, passed: Callable[[], None]) -> Callable[[], None]:
        """Call back when the time alone may have changed something about the lock."""
        self._minutes.add(passed)
        return lambda: self._minutes.discard(passed)

    @callback
    def async_minute_passed(self) -> None:
        """Tell that the time alone may have changed something."""
        self._services.faults.call_each("minute", self._minutes, lock=self)

    @callback
    def async_tell(self, happening: Happening, **details: str) -> None:
        """Tell everybody who listens that something has happened."""
        if not self._happened:
            self._untold.append((happening, details))
        self._services.faults.call_each(
            "events", self._happened, happening, details, lock=self
        )
        self._services.listener.async_lock_happened(self, happening, details)

    # What is known.

    @property
    def feed_id(self) -> str | None:
        """Which feed the owner has chosen for it, if any."""
        return self.kind.feed_id

    @property
    def feed(self) -> FeedCoordinator | None:
        """The lock's feed; None where it has none, or the owner has removed it."""
        return self._services.feeds.get(self.feed_id) if self.feed_id else None

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
        if self.model is not None:
            return self.model.name
        told = self.record.identity.told_model
        return told or told_now(self.hass, "word_model_unknown")

    @property
    def has_battery(self) -> bool:
        """Whether it has a battery, as far as its vendor or the owner says otherwise.

        The owner is not believed against a lock that tells a level.
        """
        if self.model is not None and not self.model.traits.has_battery:
            return False
        return self._policy.has_battery or self.record.identity.battery is not None

    @property
    def floor(self) -> LockFloor | None:
        """The newest firmware that has run on the lock."""
        return self._services.store.trust.locks.get(self._floor_key)

    @property
    def _floor_key(self) -> str:
        """Where its floor is kept: apart from those of the locks before it at its door.

        What was kept of those stays, and sinks for nobody.
        """
        number = self.record.lock_number
        return self.kind.key if number == 0 else f"{self.kind.key}#{number}"

    def is_let_out(self, release: Release) -> bool:
        """Return whether its vendor lets a release out to this lock already."""
        if release.rollout is None:
            return True
        return is_let_out(release, self._services.store.lots(self.kind.key))

    def as_told(self, release: Release) -> Release:
        """Return a release, wherever it comes from, as its vendor lets it out by now.

        What the vault keeps, or somebody has brought as a file, knows of no halt, and what
        was planned not of what was heard since. Where its feed does not list it any more,
        a halt that was heard of once goes on; where that feed is gone, a person decides.
        """
        for told in self.kind.on_offer():
            if (told.key, told.model) == (release.key, release.model):
                return replace(release, halted=told.halted, rollout=told.rollout)
        if release.halted is not None:
            return release
        if self.feed is not None and self.feed.trusted_as in self._halts(release):
            return replace(release, halted=Halt(keeper=self.feed.keeper))
        halt = self.halted_by_maker(release) or self.halted_by_gone_feed(release)
        return release if halt is None else replace(release, halted=halt)

    def halted_by_maker(self, release: Release) -> Halt | None:
        """Return that a feed of a maker's has halted a release, also if it is not its own.

        That counts for a keeper's as well, who may not have heard of it. What another
        keeper halts does not: nobody has said that this lock is for them to look after.
        """
        if not (halts := self._halts(release)):
            return None
        makers = {
            feed.trusted_as
            for feed in self._services.feeds.values()
            if feed.keeper is None
        }
        return Halt() if halts & makers else None

    def halted_by_gone_feed(self, release: Release) -> Halt | None:
        """Return that a feed has halted a release that the owner has removed since.

        Whichever feed the lock has by now: nothing begins by itself that it would not
        have begun before. What a keeper halted says nothing to a lock with its maker's
        own feed.
        """
        if not (halts := self._halts(release)):
            return None
        gone = halts - {feed.trusted_as for feed in self._services.feeds.values()}
        if self.feed is not None and self.feed.keeper is None:
            gone -= self._services.store.trust.keepers
        return Halt(feed_gone=True) if gone else None

    def _halts(self, release: Release) -> frozenset[str]:
        return self._services.store.trust.halted_by(release.model, release.key)

    @property
    def misbehaves(self) -> bool:
        """Return whether what updates the lock does what it was not told to."""
        return self.kind.misconduct is not None

    @property
    def is_cut_off(self) -> bool:
        """Whether an installation on it was cut off, and is soon gone on with."""
        return self.cut_off is not None

    @property
    def progress(self) -> Progress | None:
        """Where a running installation is; None while nothing is being installed."""
        return self._progress

    @callback
    def async_set_progress(self, progress: Progress | None) -> None:
        """Take over where an installation is, and tell it where that is new.

        That one runs, or no longer does, is told to everybody.
        """
        before, self._progress = self._progress, progress
        self.revision += 1
        if (before is None) is not (progress is None):
            self.installing_since = dt_util.utcnow() if progress else None
            self.async_changed()
        elif progress != before:
            self._services.faults.call_each("progress", self._progressed, lock=self)

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

    @property
    def feed_title(self) -> str:
        """Return what people call the lock's feed."""
        if self.feed is not None:
            return self.feed.title
        return told_now(self.hass, "word_feed", lock=self.name)

    def error(self, key: str, **placeholders: str) -> HomeAssistantError:
        """Return an error that a person is shown."""
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=key,
            translation_placeholders=neutral_all({"lock": self.name, **placeholders}),
        )

    # What is published of it.

    @property
    def security(self) -> SecurityState:
        """How it stands, by all that is published of it."""
        feed, content = self.feed, self.content
        return state_of(
            self.assessment,
            vendor_speaks=(
                feed is not None
                and feed.trouble is None
                and content is not None
                and content.tells_advisories
                and self._can_be_compared
            ),
            gives_updates=self.facts.gives_updates,
            support_end=self.support_end,
            today=dt_util.utcnow().date(),
        )

    @property
    def support(self) -> SecurityState | None:
        """Whether its support has ended, or ends soon, whatever else there is."""
        today = dt_util.utcnow().date()
        return support_of(self.facts.gives_updates, self.support_end, today)

    @property
    def support_end(self) -> date | None:
        """The last day on which it gets security updates, if anybody has said."""
        if self.model is not None and self.model.support_end is not None:
            return self.model.support_end
        told = (
            release.support_end
            for release in self._releases_of_model
            if release.support_end is not None
        )
        return max(told, default=self.facts.support_end)

    @property
    def closes(self) -> Severity:
        """How bad the worst hole is that it has, and the release on offer has not."""
        return self.assessment.urgency_of_offer

    @property
    def offer_closes_hole(self) -> bool:
        """Whether the release on offer closes a published hole, as anybody says."""
        return (
            self.release is not None
            and urgency_of(self.release, self.closes) is not Severity.NONE
        )

    @property
    def _can_be_compared(self) -> bool:
        """Whether its vendor knows its model, and the version is one of that."""
        runs, model = self.record.identity.firmware_version, self.model
        return model is not None and is_version(model.version_scheme, runs)

    @property
    def _releases_of_model(self) -> list[Release]:
        model = self.record.identity.model
        return [each for each in self.kind.on_offer() if each.model == model]

    def _assess(self) -> Assessment:
        model, content = self.model, self.content
        told: tuple[PublishedAdvisory, ...] = ()
        if model is not None and content is not None:
            told = tuple(
                each for each in content.advisories if each.model == model.model
            )
        return assess(
            self.record.identity.firmware_version,
            model.version_scheme if model else VersionScheme.DOTTED,
            told_by_feed=told,
            facts=self.facts.advisories,
            releases=self._releases_of_model,
            offer=self.release,
        )

    # Choosing.

    @callback
    def async_select(self) -> None:
        """Choose the release anew: after a check of the feed, or of the lock."""
        before = self.release
        self._read_as_feed_says()
        self.release = self.kind.select()
        self.assessment = self._assess()
        if self.release != before:
            self.held = ()
        if self.release is not None:
            self._forget_held_of_another(self.release)
            self.decided.note_seen(self.release, self.kind.on_offer())
            known = self.release.version.text == self.record.announced
            halted = self.release.halted is not None
            if not known and not halted and not self.decided.goes_back:
                self._tell_available(self.release)
        self.async_changed()

    def _forget_held_of_another(self, release: Release) -> None:
        """Forget the nights in which another release was held: it begins anew."""
        held, runs = self.record.held, self.record.identity.firmware_version
        if held is not None and not held.is_of(release.key, runs):
            self.record = replace(self.record, held=None)
            self._keep_soon()

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
        self._keep_soon()
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

    # What it says.

    async def async_learn(self, identity: LockIdentity) -> None:
        """Keep what the lock says, and never accept older firmware again."""
        if self.is_closed:
            return
        runs_the_same = is_same_version(
            self.record.identity.firmware_version, identity.firmware_version
        )
        self.record = self.record.reading(
            identity,
            dt_util.utcnow(),
            is_known=runs_the_same or self.kind.knows_what_runs,
        )
        self._note_battery(identity.battery)
        await self._async_keep_for_now()
        for release in self.kind.on_offer():
            if release.model == identity.model and is_same_version(
                release.version.text, identity.firmware_version
            ):
                with unsaved_for_now(f"What has run on {self.name}"):
                    await self.async_raise_floor(self._as_run(release))
        self.async_select()

    def _as_run(self, release: Release) -> Release:
        """Return a release that the lock tells, without what is only a keeper's word.

        The counters in it are proven where it was installed here. Else who keeps a feed
        could say one that no release of the vendor's ever reaches.
        """
        if release.keeper is None or self.record.has_run(release.key):
            return release
        return replace(release, payload=None)

    async def async_take_over(self, identity: LockIdentity) -> None:
        """Begin anew with another lock at the same door; a person has confirmed it."""
        if self._progress is not None:
            raise self.error("installation_running")
        await self.decided.async_end_all()
        before, now = self.record, dt_util.utcnow()
        self.record = self.record.taken_over(identity, now)
        try:
            await self.async_keep()
        except OSError as err:
            self.record = before
            await self._async_keep_for_now()
            raise self.error("decision_unsaved", problem=told_problem(err)) from err
        self.known, self.held, self.facts = None, (), self._find_facts()
        await self.kind.async_taken_over()
        self.async_select()

    @callback
    def _note_battery(self, told: int | None) -> None:
        """Keep a reading, and tell once if it falls faster since an installation.

        ``told`` is what the lock says; where a sensor is linked, that counts.
        """
        level = told
        if self.links.battery_entity is not None:
            level = read_surroundings(
                self.hass,
                lock_entity=None,
                battery_entity=self.links.battery_entity,
                door_entity=None,
            ).battery_level
        if level is None:
            return
        drained = drains(self.record)
        self.record = self.record.battery_read(
            BatteryReading(level=level, at=dt_util.utcnow())
        )
        if drains(self.record) and not drained:
            self.async_tell(
                Happening.BATTERY_DRAINING,
                version=self.record.identity.firmware_version,
            )

    @callback
    def put_right(self, now: datetime) -> bool:
        """Drop what a wrong clock has written: it would count for years, or at once.

        Return whether there is anything to keep.
        """
        right = self.decided.put_right(now)
        if (record := self.record.put_right(now)) != self.record:
            _LOGGER.warning(
                "%s: the clock was wrong; what it has dated after now is put right",
                self.name,
            )
            self.record = record
            right = True
        if right:
            self.async_changed()
        return right

    async def async_keep_gathered(self) -> None:
        """Keep all of it as it is now, in one write with what others keep just then."""
        await asyncio.gather(
            self._async_keep_for_now(gathers=True), self.decided.async_keep_gathered()
        )

    async def async_keep(self) -> None:
        """Write the record to disk; raise ``OSError``, and hold on to it all the same."""
        await self._services.store.async_set_lock(self.subentry_id, self.record)

    @callback
    def _keep_soon(self) -> None:
        self._services.entry.async_create_background_task(
            self.hass,
            self._async_keep_for_now(gathers=True),
            f"record of {self.name}",
        )

    async def _async_keep_for_now(self, *, gathers: bool = False) -> None:
        with unsaved_for_now(f"What is known of {self.name}"):
            await self._services.store.async_set_lock(
                self.subentry_id, self.record, gathers=gathers
            )

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
        await self._services.store.raise_to(Trust(locks={self._floor_key: floor}))

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

    # What comes of installations.

    @callback
    def async_note_manner(self, manner: Manner) -> None:
        """Keep how the lock takes what is sent; on disk with what comes of it."""
        self.record = replace(self.record, manner=manner)

    @callback
    def async_note_ended(
        self, outcome: OutcomeRecord, unsettled: Mapping[str, Any] | None = None
    ) -> None:
        """Take over how an installation ended, and what a person has to do after it.

        ``unsettled`` is its journal where only the lock can tell the end, once it is back.
        """
        record = replace(self.record.ended(outcome), unsettled=unsettled)
        if outcome.kind is OutcomeKind.SUCCEEDED or (
            # It runs the new firmware, whatever else is wrong: it may be away just
            # because it calibrates.
            outcome.kind is OutcomeKind.NEEDS_HAND
            and is_told_as(outcome.to_version, record.identity.firmware_version)
        ):
            to_do = [each for each in self.facts.aftercare if each in TO_DO]
            record = replace(record, to_do=tuple(map(str, to_do)))
        self.record = record

    async def async_note_held(
        self, release: Release, night: date, reasons: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Keep that a release could not be installed by itself; once a night."""
        held = held_once_more(
            self.record.held,
            sha256=release.key,
            runs=self.record.identity.firmware_version,
            night=night,
            reasons=reasons,
        )
        if held != self.record.held:
            self.record = replace(self.record, held=held)
            await self._async_keep_for_now()

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
