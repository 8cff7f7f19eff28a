"""Locks that only a person can update: what they run is noticed, and what is new told."""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, override

from homeassistant.components.update import DOMAIN as UPDATE_DOMAIN
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    callback,
    split_entity_id,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from ..adapters.delegate import UpdateEntityDelegate
from ..adapters.registry import identity_of
from ..const import CONF_FEED, CONF_LOCK_ENTITY, CONF_VERSION_ENTITY, DOMAIN
from ..core.errors import DelegateError, DelegateProblem
from ..core.guard.conduct import Observation, is_at_work, observe
from ..core.guard.offer import NoOffer, release_of
from ..core.guard.source import SourceKind, SourceReading
from ..core.installation.journal import JournalEntry
from ..core.installation.machine import Installation, Job
from ..core.model import LockIdentity, LockKind, Model, Release, Transport
from ..core.preflight.situation import FeedState, RadioState
from ..core.remembered import Remembered
from ..core.select import select
from ..core.versions import told_version
from ..discovery.candidates import candidate_of
from ..locks.lock import ManagedLock
from .attached import AttachedKind
from .base import KindServices
from .feed import feed_state, model_of


class WatchedKind(AttachedKind):
    """A lock whose version another integration knows."""

    name: ClassVar = LockKind.WATCHED
    by_hand: ClassVar = True
    firmware_key = "watched_firmware"

    def __init__(self, lock: ManagedLock, services: KindServices) -> None:
        """Take the lock."""
        super().__init__(lock, services)
        self._observation: Observation | None = None
        self._at_start = True
        self._sees_update = False
        self._offer = Remembered(_offer_of)
        self._look_closer: Callable[[], None] | None = None

    @override
    def configure(self, subentry: ConfigSubentry) -> None:
        self._configure_anchor(subentry, CONF_LOCK_ENTITY)
        self._services.registrations.async_anchors_changed()
        self._feed_id: str | None = subentry.data.get(CONF_FEED)
        entity_id: str | None = subentry.data.get(CONF_VERSION_ENTITY)
        self._version_entity = entity_id
        self._update_entity = (
            UpdateEntityDelegate(self.lock.hass, entity_id)
            if entity_id is not None and split_entity_id(entity_id)[0] == UPDATE_DOMAIN
            else None
        )

    @property
    @override
    def feed_id(self) -> str | None:
        return self._feed_id

    @property
    @override
    def followed(self) -> str:
        return self._version_entity or self.anchor

    @property
    @override
    def is_away(self) -> bool:
        return super().is_away or (
            self._version_entity is not None and self.running_version() is None
        )

    @override
    def running_version(self) -> str | None:
        if (update := self._update_entity) is not None:
            return update.reading().installed
        if self._version_entity is not None:
            state = self.lock.hass.states.get(self._version_entity)
            if state is None or state.state in {STATE_UNAVAILABLE, STATE_UNKNOWN}:
                return None
            return told_version(state.state)
        return told_version(self.main_device.sw_version) if self.main_device else None

    @property
    @override
    def build(self) -> str | None:
        update = self._update_entity
        return update.kind.build(update.reading()) if update is not None else None

    @property
    @override
    def model(self) -> Model | None:
        return model_of(self.lock)

    @property
    @override
    def knows_latest(self) -> bool:
        update = self._update_entity
        return self.model is not None or (
            update is not None and update.reading().offered is not None
        )

    @property
    @override
    def can_install(self) -> bool:
        return False

    @property
    @override
    def guardable_by(self) -> str | None:
        registered = er.async_get(self.lock.hass).async_get(self.anchor)
        found = candidate_of(self.lock.hass, registered) if registered else None
        if found is None or found.kind is not LockKind.GUARDED:
            return None
        return found.update_entity

    @override
    def on_offer(self) -> Iterable[Release]:
        content = self.lock.content
        if content is not None:
            return content.releases
        if (update := self._update_entity) is None:
            return ()
        return self._offer(update.reading(), self.lock.record.identity, update.kind)

    @override
    def select(self) -> Release | None:
        if (model := self.model) is None:
            return (
                next(iter(self.on_offer()), None) if self.lock.content is None else None
            )
        return select(
            map(_by_hand, self.on_offer()),
            self.lock.record.identity,
            model,
            self.lock.floor,
        ).release

    @override
    async def async_ask(self) -> LockIdentity:
        version = self.running_version()
        if version is None:
            raise DelegateError(DelegateProblem.NOT_AVAILABLE)
        self._check_no_stranger()
        # What it was called when it was added: a feed may know it by another name than
        # the one that comes first in the registry.
        return replace(
            identity_of(self.main_device, version),
            model=self.lock.record.identity.model,
        ).read_as(self.firmware_form)

    @property
    @override
    def updated_elsewhere(self) -> bool:
        return self._sees_update

    @property
    @override
    def may_rest(self) -> bool:
        return self._observation is None

    @property
    @override
    def rests_on(self) -> tuple[str, ...]:
        return (self.anchor, self.followed, *self._updates)

    @property
    def _updates(self) -> Iterator[str]:
        """Return the update entities of its device: it may be guarded by one of them."""
        if (device_id := self.device_id) is not None:
            for each in er.async_entries_for_device(
                er.async_get(self.lock.hass), device_id
            ):
                if each.domain == UPDATE_DOMAIN and each.platform != DOMAIN:
                    yield each.entity_id

    @callback
    @override
    def look(self, now: datetime) -> None:
        update = self._update_entity
        reading = update.reading() if update is not None else None
        self._observation = (
            observe(self._observation, reading, now, at_start=self._at_start)
            if reading is not None
            else None
        )
        # The first that it says after a start; until then it may not be there yet.
        self._at_start = self._at_start and not (reading and reading.available)
        before = self._sees_update
        self._sees_update = is_at_work(self._observation, now)
        if before is not self._sees_update:
            self.lock.async_changed()

    @override
    def watch(
        self,
        look: Callable[[], None],
        read: Callable[[], Coroutine[Any, Any, None]],
    ) -> CALLBACK_TYPE:
        """Notice another version, in the registry or where the owner points at."""
        hass = self.lock.hass

        self._look_closer = look

        @callback
        def state_changed(_: Event[EventStateChangedData]) -> None:
            self.look(dt_util.utcnow())
            look()

        unsubscribe = [self._services.registrations.async_follow(self)]
        if self._version_entity is not None:
            unsubscribe.append(
                async_track_state_change_event(
                    hass, self._version_entity, state_changed
                )
            )

        @callback
        def stop() -> None:
            self._look_closer = None
            for each in unsubscribe:
                each()

        self.look(dt_util.utcnow())
        look()
        return stop

    @callback
    def registration_changed(self, *, look: bool) -> None:
        """Look at what the registries say now."""
        if look and self._look_closer is not None:
            self._look_closer()
        else:
            self.lock.async_changed()

    @override
    def radio(self) -> RadioState:
        state = self.lock.hass.states.get(self.anchor)
        return RadioState(heard=state is not None and state.state != STATE_UNAVAILABLE)

    @override
    def feed_state(self, release: Release, *, just_asked: bool) -> FeedState:
        if self.lock.feed is not None:
            return feed_state(self.lock, release)
        now = dt_util.utcnow()
        return FeedState(checked_at=now, expires_at=now + timedelta(minutes=1))

    @override
    def installation(self, job: Job) -> Installation:
        raise NotImplementedError("a person does it")

    @override
    async def async_release_of(self, entry: JournalEntry) -> Release | None:
        return None

    @override
    async def async_find_running(self) -> LockIdentity:
        return await self.async_ask()

    @override
    def gone(self) -> DelegateError:
        return DelegateError(DelegateProblem.NOT_AVAILABLE)


def _by_hand(release: Release) -> Release:
    """Return the release as one that a person installs, whatever could be sent of it."""
    return replace(release, transport=Transport.BY_HAND, payload=None)


def _offer_of(
    reading: SourceReading, identity: LockIdentity, kind: SourceKind
) -> tuple[Release, ...]:
    offer = release_of(reading, identity, kind)
    return () if isinstance(offer, NoOffer) else (_by_hand(offer),)
