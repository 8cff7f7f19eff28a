"""Locks that another integration updates: held back, and let go when it is safe."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from ..adapters.delegate import UpdateEntityDelegate
from ..adapters.index_query import IndexQuery, async_query_of
from ..adapters.registry import identity_of
from ..adapters.zigbee_offer import OfferTold, ToldOffer
from ..const import CONF_UPDATE_ENTITY
from ..core.errors import DelegateError, DelegateProblem, NightlatchError
from ..core.guard.conduct import Conduct
from ..core.guard.hold import Hold
from ..core.guard.known import Known
from ..core.guard.offer import (
    NoOffer,
    left_at_source,
    offered_version,
    offers_on,
    release_of,
)
from ..core.guard.source import SourceKind, SourceReading
from ..core.installation.delegated import DelegatedInstallation
from ..core.installation.journal import JournalEntry
from ..core.installation.machine import Installation, Job
from ..core.model import Evidence, LockIdentity, LockKind, Release, Source
from ..core.preflight.situation import FeedState, RadioState
from ..core.records.outcome_record import OutcomeRecord
from ..core.records.trust import LockFloor
from ..core.remembered import Remembered
from ..core.select import PassedOver, reason_against
from ..core.vendor_facts import VendorFacts
from ..core.versions import is_told_as
from ..locks.lock import ManagedLock
from .attached import AttachedKind
from .base import KindServices
from .hold import Guard

# Seconds. For the other integration to be there after a restart.
SOURCE_TIMEOUT = 300.0
LEFT_ALONE_FOR = 900.0
"""Seconds for which a lock that did not answer is not asked again by itself."""


class GuardedKind(AttachedKind):
    """A lock with an update entity of another integration."""

    name: ClassVar = LockKind.GUARDED
    firmware_key = "guarded_firmware"

    def __init__(self, lock: ManagedLock, services: KindServices) -> None:
        """Take the lock."""
        super().__init__(lock, services)
        self.delegate: UpdateEntityDelegate
        self._offer = Remembered(_offer_of)
        self._selected = Remembered(_select)
        self._asking = asyncio.Lock()
        self._answered: str | None = None
        """The installation of which the lock itself has told since how it ended."""
        self._silent: tuple[float, DelegateError] | None = None
        """Until when a lock that did not answer is left alone, and why it did not."""
        self._told = OfferTold(lock.hass, services.entry, lock.async_select)
        self.guard = Guard(
            lock,
            lambda: self.delegate,
            services.entry,
            services.store,
            offers_on=lambda: self.offers_on,
        )

    @override
    def configure(self, subentry: ConfigSubentry) -> None:
        self._configure_anchor(subentry, CONF_UPDATE_ENTITY)
        self.delegate = UpdateEntityDelegate(self.lock.hass, self.anchor)
        self.guard.follow()

    @property
    def offer(self) -> Release | NoOffer:
        """Return what the other integration offers."""
        reading = self.delegate.reading()
        return self._offer(
            reading,
            self.lock.record.identity,
            self.delegate.kind,
            self._known(reading),
            self._told.of(reading.offered),
            self.lock.facts,
        )

    def _known(self, reading: SourceReading) -> Known | None:
        """Return what the public indexes know, if it is of what is offered now."""
        known = self.lock.known
        return known if known and known.version == reading.offered else None

    @property
    @override
    def knows_latest(self) -> bool:
        return self.offer is not NoOffer.SILENT

    @property
    @override
    def can_install(self) -> bool:
        reading = self.delegate.reading()
        return (
            reading.can_install
            and not reading.installs_by_itself
            and self.stranger is None
        )

    @property
    @override
    def why_not_offered(self) -> NightlatchError | None:
        if (error := self.source_error) is not None:
            return error
        return self.gone() if self.is_away else None

    @override
    def on_offer(self) -> Iterable[Release]:
        offer = self.offer
        return () if isinstance(offer, NoOffer) else (offer,)

    @override
    def select(self) -> Release | None:
        return self._selected(self.offer, self.lock.record.identity, self.lock.floor)

    @override
    def running_version(self) -> str | None:
        return self.delegate.reading().installed

    @property
    @override
    def build(self) -> str | None:
        return self.delegate.kind.build(self.delegate.reading())

    @override
    async def async_taken_over(self) -> None:
        await self.guard.async_forget_cleared()

    @property
    def offers_on(self) -> bool:
        """Return whether the lock is offered what the other integration offers."""
        return offers_on(self.delegate.reading(), self.select())

    @override
    async def async_ask(self) -> LockIdentity:
        reading = self.delegate.reading()
        if not reading.available or reading.installed is None:
            raise DelegateError(DelegateProblem.NOT_AVAILABLE)
        self._check_no_stranger()
        if self._unproven(reading.installed) is not None:
            await self._async_let_it_say(reading.installed)
            if (told := self.delegate.reading().installed) is not None:
                return identity_of(self.main_device, told)
        return identity_of(self.main_device, reading.installed)

    def _unproven(self, installed: str) -> OutcomeRecord | None:
        """Return the installation of which only the lock can say that it has ended well.

        Until it has said so, once: that it runs this is read after the end only where
        the lock itself has said it. That it runs something else anybody may say.
        """
        record = self.lock.record
        outcome, runs = record.outcome, record.identity.firmware_version
        if (
            outcome is not None
            and outcome.reason == DelegateProblem.NOT_ASKED
            and not (
                record.read_at > outcome.ended and is_told_as(outcome.to_version, runs)
            )
            and outcome.attempt != self._answered
            and self.delegate.can_ask
            and is_told_as(outcome.to_version, installed)
        ):
            return outcome
        return None

    async def _async_let_it_say(self, installed: str) -> None:
        """Let the lock say what it runs; raise ``DelegateError`` where it is silent.

        Its integration tells something of it again and again meanwhile: who asks while
        it is asked waits for the same answer, and one that was silent is left alone for
        a while.
        """
        loop = asyncio.get_running_loop()
        async with self._asking:
            if (outcome := self._unproven(installed)) is None:
                return
            if self._silent is not None and loop.time() < self._silent[0]:
                raise DelegateError(self._silent[1].reason, **self._silent[1].details)
            try:
                await self.delegate.ask()
            except DelegateError as err:
                self._silent = (loop.time() + LEFT_ALONE_FOR, err)
                raise
            self._silent, self._answered = None, outcome.attempt

    @override
    async def async_check(self) -> None:
        # A person wants to know.
        self._silent = None
        await self.delegate.async_refresh()

    @override
    def watch(
        self,
        look: Callable[[], None],
        read: Callable[[], Coroutine[Any, Any, None]],
    ) -> CALLBACK_TYPE:
        @callback
        def take_over() -> None:
            self._told.follow(self.delegate.told_topic)
            look()

        unsubscribe = self.guard.watch(take_over)

        @callback
        def stop() -> None:
            unsubscribe()
            self._told.stop()

        return stop

    @override
    def radio(self) -> RadioState:
        return RadioState(heard=self.delegate.reading().available)

    @override
    def feed_state(self, release: Release, *, just_asked: bool) -> FeedState:
        now, reading = dt_util.utcnow(), self.delegate.reading()
        known = self._known(reading)
        return FeedState(
            checked_at=now if reading.available else None,
            expires_at=now + timedelta(minutes=1),
            offers_release=reading.offered == release.version.text,
            contradiction=known.contradiction if known else None,
        )

    @override
    async def async_recheck(self, source: Source) -> None:
        await self._services.indexes.async_recheck(self.lock)

    @override
    def source(self) -> SourceReading:
        return self.delegate.reading()

    @override
    async def async_index_query(self) -> IndexQuery | None:
        if (device := self.main_device) is None:
            return None
        reading = self.delegate.reading()
        told = self._told.of(reading.offered)
        return await async_query_of(
            self.lock.hass,
            self.integration,
            device,
            reading,
            self.delegate.base_topic,
            source=told.source if told else None,
        )

    @property
    @override
    def hold(self) -> Hold:
        return self.guard.hold

    @override
    def skipped_by_person(self, release: Release) -> bool:
        return self.guard.skipped_by_person == release.version.text

    @override
    async def async_want_after_all(self) -> None:
        await self.guard.async_want_after_all()

    @override
    def installation(self, job: Job) -> Installation:
        return DelegatedInstallation(job, delegate=self.delegate, clock=dt_util.utcnow)

    @override
    async def async_release_of(self, entry: JournalEntry) -> Release | None:
        """Return what was being installed; it need not be on offer any more."""
        if not await self._async_is_there(SOURCE_TIMEOUT):
            return None
        for release in self.on_offer():
            if release.version.text == entry.version:
                return release
        version = offered_version(
            entry.from_version, entry.version, self.delegate.kind.schemes
        )
        if version is None:
            return None
        identity = self.lock.record.identity
        return Release(
            vendor=identity.manufacturer or "",
            model=identity.model,
            hardware_revisions=(),
            version=version,
            transport=self.delegate.kind.transport,
        )

    @override
    async def async_find_running(self) -> LockIdentity:
        await self._async_is_there(SOURCE_TIMEOUT)
        return await self.async_ask()

    @override
    def gone(self) -> DelegateError:
        return DelegateError(DelegateProblem.NOT_AVAILABLE)

    async def _async_is_there(self, timeout: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not (reading := self.delegate.reading()).available or (
            reading.installed is None
        ):
            left = deadline - loop.time()
            if left <= 0:
                return False
            await self.delegate.changed(left)
        return True

    @property
    @override
    def left_at_source(self) -> NoOffer | None:
        return left_at_source(self.delegate.reading(), self.offer, self.select())

    @property
    @override
    def misconduct(self) -> Conduct | None:
        return self.guard.conduct

    @property
    @override
    def updated_elsewhere(self) -> bool:
        return self.guard.sees_update

    @property
    @override
    def bridge_forgets(self) -> bool:
        return self.delegate.kind.tells_image and self.guard.forgets

    @property
    @override
    def may_rest(self) -> bool:
        return self.guard.may_rest

    @property
    @override
    def rests_on(self) -> tuple[str, ...]:
        return (self.anchor,)

    @callback
    @override
    def look(self, now: datetime) -> None:
        self.guard.look(now)

    @override
    async def async_removed(self) -> None:
        await self.guard.async_lift()


def _offer_of(  # noqa: PLR0917  each is one that it rests on
    reading: SourceReading,
    identity: LockIdentity,
    kind: SourceKind,
    known: Known | None,
    told: ToldOffer | None,
    facts: VendorFacts,
) -> Release | NoOffer:
    """Return what is offered, with what is known of it elsewhere."""
    evidence = known.evidence if known else Evidence.NOTHING_KNOWN
    offer = release_of(reading, identity, kind, evidence=evidence)
    if isinstance(offer, NoOffer):
        return offer
    return replace(
        offer,
        minimum_battery=facts.minimum_battery,
        release_notes=offer.release_notes
        or (told.notes if told else "")
        or (known.notes if known else ""),
        release_url=offer.release_url
        or (known.url if known else None)
        or (told.source if told else None),
        released=known.released if known else None,
    )


def _select(
    offer: Release | NoOffer, identity: LockIdentity, floor: LockFloor | None
) -> Release | None:
    """Return what is offered, where it is not older than what has run here."""
    if isinstance(offer, NoOffer):
        return None
    against = reason_against(offer, identity, offer.version.scheme, floor)
    return None if against is PassedOver.BELOW_FLOOR else offer
