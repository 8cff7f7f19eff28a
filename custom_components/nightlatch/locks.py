"""A lock of the household, and what happens to it."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
import logging
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_ADDRESS
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from .adapters.entities import read_links
from .const import (
    CONF_BATTERY_ENTITY,
    CONF_FEED,
    CONF_IDENTITY,
    CONF_LOCK_ENTITY,
    DOMAIN,
)
from .coordinator import FeedCoordinator
from .core.errors import TransportError, TransportProblem
from .core.feeds.base import FeedContent
from .core.installation.machine import Installation, Outcome, Stage, Target
from .core.model import LockIdentity, Model, OutcomeKind, Release
from .core.records.lock_record import LockRecord, OutcomeRecord
from .core.records.trust import LockFloor, Trust
from .core.select import select
from .core.transports.device_information import read_identity
from .messages import async_as_home_assistant_error, async_describe

if TYPE_CHECKING:
    from .household import Household

_LOGGER = logging.getLogger(__name__)


class Happening(StrEnum):
    """What a lock's event entity tells."""

    UPDATE_AVAILABLE = "update_available"
    STARTED = "installation_started"
    SUCCEEDED = "installation_succeeded"
    FAILED = "installation_failed"
    NEEDS_HAND = "needs_hand"
    CANCELLED = "installation_cancelled"
    BOOTLOADER_FOUND = "bootloader_found"


_ENDINGS = {
    OutcomeKind.SUCCEEDED: Happening.SUCCEEDED,
    OutcomeKind.FAILED: Happening.FAILED,
    OutcomeKind.NEEDS_HAND: Happening.NEEDS_HAND,
    OutcomeKind.CANCELLED: Happening.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a running installation is."""

    stage: Stage | None = None
    """None while it waits for its turn."""
    percentage: int | None = None


type HappeningCallback = Callable[[Happening, dict[str, str]], None]


class ManagedLock:
    """One lock: what is known of it, what it should get, and getting it there."""

    def __init__(
        self, hass: HomeAssistant, household: Household, subentry: ConfigSubentry
    ) -> None:
        """Take over the lock of a subentry."""
        self._hass = hass
        self._household = household
        self.subentry_id = subentry.subentry_id
        self.configure(subentry)
        known = household.store.lock(subentry.subentry_id)
        self.to_be_asked = known is not None
        """Whether it should be asked what it runs, once it is heard."""
        now = dt_util.utcnow()
        self.record = known or LockRecord(
            identity=LockIdentity(**subentry.data[CONF_IDENTITY]),
            read_at=now,
            running_since=now,
        )
        self.progress: Progress | None = None
        """None while nothing is being installed."""
        self.in_bootloader = False
        """Whether it was seen in its bootloader though nobody sent it there."""
        self.release: Release | None = None
        """What it should get next."""
        self._installation: asyncio.Task[Outcome] | None = None
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
        self.address: str = subentry.data[CONF_ADDRESS]
        self.feed_id: str = subentry.data[CONF_FEED]
        self.lock_entity: str | None = subentry.data.get(CONF_LOCK_ENTITY)
        self.battery_entity: str | None = subentry.data.get(CONF_BATTERY_ENTITY)

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

    @callback
    def _notify(self) -> None:
        for changed in tuple(self._changed):
            changed()

    @callback
    def _tell(self, happening: Happening, **details: str) -> None:
        if not self._happened:
            self._untold.append((happening, details))
        for happened in tuple(self._happened):
            happened(happening, details)

    # What is known.

    @property
    def feed(self) -> FeedCoordinator | None:
        """The lock's feed; None after the owner has removed it."""
        return self._household.feeds.get(self.feed_id)

    @property
    def content(self) -> FeedContent | None:
        """What the lock's feed said last; None if it was never heard, or is gone."""
        return self.feed.data if self.feed else None

    @property
    def model(self) -> Model | None:
        """The lock's model as its feed describes it."""
        content = self.content
        if content is None:
            return None
        return next(
            (
                model
                for model in content.models
                if model.model == self.record.identity.model
            ),
            None,
        )

    @property
    def model_name(self) -> str:
        """What people call the model; what the lock calls it until the feed is heard."""
        return self.model.name if self.model else self.record.identity.model

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at the lock."""
        return self.in_bootloader or self.feed is None or self._has_failed

    @property
    def _has_failed(self) -> bool:
        """Whether the last installation failed, and that has not become history."""
        outcome = self.record.outcome
        if outcome is None or outcome.kind not in {
            OutcomeKind.FAILED,
            OutcomeKind.NEEDS_HAND,
        }:
            return False
        if self.model is None:
            return True
        if self.release is not None:
            return self.release.version.text == outcome.to_version
        return (
            outcome.kind is OutcomeKind.NEEDS_HAND
            and self.record.read_at <= outcome.ended
        )

    @callback
    def async_select(self) -> None:
        """Choose the release anew: after a check of the feed, or of the lock."""
        content = self.content
        self.release = None
        if content is not None and (model := self.model) is not None:
            self.release = select(
                content.releases, self.record.identity, model, self._floor
            ).release
        if self.release and self.release.version.text != self.record.announced:
            self._announce(self.release)
        self._notify()

    @callback
    def _announce(self, release: Release) -> None:
        """Tell once, also over restarts, that a release is available."""
        self.record = replace(self.record, announced=release.version.text)
        self._household.async_create_task(
            self._household.store.async_set_lock(self.subentry_id, self.record),
            f"record of {self.name}",
        )
        self._tell(
            Happening.UPDATE_AVAILABLE,
            installed_version=self.record.identity.firmware_version,
            version=release.version.text,
        )

    @property
    def _floor(self) -> LockFloor | None:
        return self._household.store.trust.locks.get(self.address)

    # Asking the lock.

    async def async_read(self) -> None:
        """Ask the lock what it runs; raise ``TransportError``.

        A lock that is being installed to is left alone.
        """
        if self.progress is not None:
            return
        async with self._household.radio_lock:
            try:
                identity = await read_identity(
                    self._household.radio, self.address, self.name
                )
            except TransportError as err:
                if err.reason is TransportProblem.IN_BOOTLOADER:
                    self.async_found_in_bootloader()
                raise
        self.in_bootloader = False
        await self.async_learn(identity)

    async def async_learn(self, identity: LockIdentity) -> None:
        """Keep what the lock says, and never accept older firmware again."""
        if self._closed:
            return
        self.record = self.record.reading(identity, dt_util.utcnow())
        await self._household.store.async_set_lock(self.subentry_id, self.record)
        content = self.content
        for release in content.releases if content else ():
            if (
                release.model == identity.model
                and release.version.text == identity.firmware_version
            ):
                await self._async_raise_floor(release)
        self.async_select()

    async def _async_raise_floor(self, release: Release) -> None:
        floor = LockFloor(
            version=release.version,
            security_version=release.security_version,
            firmware_version=release.payload.firmware_version,
        )
        await self._household.store.raise_to(Trust(locks={self.address: floor}))

    @callback
    def async_found_in_bootloader(self) -> None:
        """Tell that the lock waits in its bootloader though nobody sent it there."""
        if self.progress is None and not self.in_bootloader:
            self.in_bootloader = self.to_be_asked = True
            self._tell(Happening.BOOTLOADER_FOUND)
            self._notify()

    @callback
    def async_found_in_application(self) -> None:
        """Tell that the lock runs its application again."""
        if self.in_bootloader:
            self.in_bootloader = False
            self._notify()

    # Installing.

    async def async_install(self) -> None:
        """Install the chosen release; return when it is proven, raise when it is not.

        The installation goes on when whoever asked for it no longer waits.
        """
        if self.progress is not None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="installation_running",
                translation_placeholders={"lock": self.name},
            )
        if self.release is None or (feed := self.feed) is None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="nothing_to_install",
                translation_placeholders={"lock": self.name},
            )
        self.progress = Progress()
        self._notify()
        installation = self._household.async_create_task(
            self._async_run(self.release, feed), f"installation on {self.name}"
        )
        self._installation = installation
        await asyncio.wait((installation,))
        if installation.cancelled():
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="installation_cancelled",
                translation_placeholders={"lock": self.name},
            )
        outcome = installation.result()
        if outcome.error is not None:
            raise await async_as_home_assistant_error(
                self._hass, outcome.error, lock=self.name, feed=feed.title
            )

    async def _async_run(self, release: Release, feed: FeedCoordinator) -> Outcome:
        """Wait for the lock's turn and install; however it ends is kept and told."""
        loop = self._hass.loop
        started = loop.time()
        outcome = Outcome(kind=OutcomeKind.CANCELLED, running=None)
        before = self.record.identity.firmware_version
        # The turn ends when the end has been told: the next lock must not start before.
        async with AsyncExitStack() as turn:
            try:
                await turn.enter_async_context(self._household.radio_lock)
                started = loop.time()
                self._tell(
                    Happening.STARTED,
                    installed_version=before,
                    version=release.version.text,
                )
                outcome = await self._installation_of(release, feed).run()
            finally:
                self.progress = None
                record = OutcomeRecord(
                    kind=outcome.kind,
                    ended=dt_util.utcnow(),
                    seconds=round(loop.time() - started, 1),
                    from_version=before,
                    to_version=release.version.text,
                    message=await self._async_message(outcome, feed),
                )
                await self._async_conclude(release, outcome, record)
        return outcome

    async def _async_message(
        self, outcome: Outcome, feed: FeedCoordinator
    ) -> str | None:
        if (error := outcome.error) is None:
            return None
        names = {"lock": self.name, "feed": feed.title}
        message = await async_describe(self._hass, error, **names)
        if outcome.in_bootloader and error.reason is not TransportProblem.IN_BOOTLOADER:
            waiting = TransportError(TransportProblem.IN_BOOTLOADER)
            message += f" {await async_describe(self._hass, waiting, **names)}"
        return message

    def _installation_of(self, release: Release, feed: FeedCoordinator) -> Installation:
        return Installation(
            target=Target(
                name=self.name,
                address=self.address,
                identity=self.record.identity,
                floor=self._floor,
                linked=read_links(
                    self._hass, bolt=self.lock_entity, battery=self.battery_entity
                ),
                in_bootloader=self.in_bootloader,
            ),
            release=release,
            feed=feed.feed,
            keys=feed.firmware_keys,
            radio=self._household.radio,
            report=self._async_report,
        )

    @callback
    def _async_report(self, stage: Stage, percentage: float | None) -> None:
        # States are for people: a step finer than a percent is noise.
        shown = Progress(stage, None if percentage is None else round(percentage))
        if shown != self.progress:
            self.progress = shown
            self._notify()

    async def _async_conclude(
        self, release: Release, outcome: Outcome, record: OutcomeRecord
    ) -> None:
        """Keep how it ended, and tell it."""
        self.in_bootloader = outcome.in_bootloader
        self.record = replace(self.record, outcome=record)
        if outcome.kind is OutcomeKind.SUCCEEDED:
            await self._async_raise_floor(release)
        if outcome.running is not None:
            await self.async_learn(outcome.running)
        else:
            self.to_be_asked = True
            await self._household.store.async_set_lock(self.subentry_id, self.record)
            self._notify()
        if record.message is not None:
            _LOGGER.warning("%s", record.message)
        self._tell(
            _ENDINGS[record.kind],
            from_version=record.from_version,
            version=record.to_version,
            running_version=outcome.running.firmware_version if outcome.running else "",
            seconds=str(record.seconds),
            message=record.message or "",
        )

    async def async_close(self) -> None:
        """Cancel what is running and wait for its end."""
        if self._installation is not None:
            # What has ended is only being kept and told.
            if self.progress is not None:
                self._installation.cancel()
            await asyncio.wait((self._installation,))
        self._closed = True
