"""Locks that Nightlatch sends firmware to itself, over Bluetooth."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, override

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_ADDRESS
from homeassistant.core import CALLBACK_TYPE
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import CONNECTION_BLUETOOTH
from homeassistant.util import dt as dt_util

from ..adapters.holders import reached_by
from ..adapters.situation import read_radio
from ..const import CONF_FEED, DOMAIN
from ..core.errors import (
    FeedError,
    FeedProblem,
    InstallationError,
    InstallationProblem,
    TransportError,
    TransportProblem,
)
from ..core.installation.direct import DirectTarget, direct_installation
from ..core.installation.journal import JournalEntry
from ..core.installation.machine import Installation, Job
from ..core.installation.verification import await_return, silence
from ..core.keeper import is_of_other_signer, known_signer
from ..core.model import (
    FirmwareKey,
    Halt,
    LockIdentity,
    LockKind,
    Model,
    PayloadFormat,
    Release,
    Source,
)
from ..core.preflight.situation import FeedState, RadioState
from ..core.select import select
from ..core.transports.base import Radio
from ..core.transports.device_information import read_identity
from ..core.transports.nordic_link import answers_as_bootloader
from ..core.transports.nordic_protocol import bootloader_address
from ..core.transports.smp import SmpTransport
from ..core.transports.way import Way, measure_way
from .advertisements import Watch
from .base import HouseKind
from .feed import feed_state, keys_of, keys_of_release, model_of, offered

# Seconds. For the feed to be heard after a restart.
FEED_TIMEOUT = 120.0
# Seconds. For the feed to say once more what is halted, with a lock that waits for it.
RECHECK_TIMEOUT = 30.0


async def _read_only(
    radio: Radio, address: str, name: str
) -> tuple[LockIdentity, None]:
    return await read_identity(radio, address, name), None


def _halted(release: Release, *found: Callable[[Release], Halt | None]) -> Release:
    """Return a release with a halt that is not its own feed's, where there is one."""
    if release.halted is not None:
        return release
    halts = (halt for find in found if (halt := find(release)) is not None)
    halt = next(halts, None)
    return release if halt is None else replace(release, halted=halt)


class DirectKind(HouseKind):
    """A lock with a Bluetooth address and a feed; or without one, for files only."""

    name: ClassVar = LockKind.DIRECT
    sends_firmware: ClassVar = True
    _watch: Watch | None = None

    @override
    def configure(self, subentry: ConfigSubentry) -> None:
        self.address: str = subentry.data[CONF_ADDRESS]
        self._feed_id: str | None = subentry.data.get(CONF_FEED)

    @property
    @override
    def feed_id(self) -> str | None:
        return self._feed_id

    @property
    @override
    def key(self) -> str:
        return self.address

    @property
    @override
    def bluetooth_address(self) -> str:
        return self.address

    @property
    @override
    def model(self) -> Model | None:
        return model_of(self.lock)

    @property
    @override
    def can_install(self) -> bool:
        return self.lock.feed is not None

    @override
    def can_install_from(self, source: Source) -> bool:
        # What was kept needs no feed any more.
        return source is not Source.FEED or self.can_install

    @property
    @override
    def trouble(self) -> str | None:
        gone = self.feed_id is not None and self.lock.feed is None
        return "feed_gone" if gone else None

    @property
    @override
    def device_id(self) -> str | None:
        device = dr.async_get(self.lock.hass).async_get_device_by_identifier(
            (DOMAIN, self.lock.subentry_id), self._services.entry.entry_id
        )
        return device.id if device else None

    @property
    @override
    def connections(self) -> set[tuple[str, str]]:
        return {(CONNECTION_BLUETOOTH, self.address)}

    @override
    def on_offer(self) -> Iterable[Release]:
        content = self.lock.content
        if content is None:
            return ()
        if content.keeper is None:
            return tuple(
                _halted(release, self.lock.halted_by_gone_feed)
                for release in content.releases
            )
        return tuple(
            _halted(release, self.lock.halted_by_maker, self.lock.halted_by_gone_feed)
            for release in offered(self.lock, self._signer)
        )

    @property
    def _signer(self) -> FirmwareKey | None:
        """Return who has signed what it runs, if that is known for sure."""
        return known_signer(self.lock.record, self._services.vault.running(self.lock))

    @override
    def select(self) -> Release | None:
        if (choice := self.lock.decisions.choice) is not None:
            kept = self._services.vault.release(choice.sha256)
            return self.lock.as_told(kept.release) if kept else None
        if (model := self.model) is None:
            return None
        sendable = (each for each in self.on_offer() if each.payload is not None)
        return select(
            sendable,
            self.lock.record.identity,
            model,
            self.lock.floor,
            self.lock.is_let_out,
        ).release

    @override
    async def async_ask(self) -> LockIdentity:
        identity, _ = await self._async_ask_with(_read_only)
        return identity

    @override
    async def async_try_way(self) -> tuple[LockIdentity, Way | None]:
        # Its application is looked for over a minute in vain while it is not running; and
        # that it is not may be heard only meanwhile.
        await self._async_refuse_bootloader()
        try:
            return await self._async_ask_with(measure_way)
        except TransportError:
            await self._async_refuse_bootloader()
            raise

    async def _async_refuse_bootloader(self) -> None:
        """Raise ``TransportError`` where the lock is found in its bootloader."""
        if self._watch is not None and await self._watch.async_look_now():
            raise TransportError(TransportProblem.IN_BOOTLOADER)

    async def _async_ask_with[T](
        self, ask: Callable[[Radio, str, str], Awaitable[tuple[LockIdentity, T]]]
    ) -> tuple[LockIdentity, T]:
        lock = self.lock
        async with self._services.queue.short_use():
            try:
                identity, more = await ask(
                    self._services.radio, self.address, lock.name
                )
            except TransportError as err:
                if err.reason is TransportProblem.IN_BOOTLOADER:
                    lock.async_found_in_bootloader()
                raise silence(err, self._reached_by()) from err
        lock.in_bootloader = False
        return identity.read_as(self.firmware_form), more

    @override
    async def async_waits_for_restart(self) -> bool:
        services = self._services
        async with services.queue.short_use():
            return await SmpTransport(
                services.radio, self.address, self.lock.name
            ).waits_for_restart()

    @override
    def watch(
        self,
        look: Callable[[], None],
        read: Callable[[], Coroutine[Any, Any, None]],
    ) -> CALLBACK_TYPE:
        services = self._services

        def begin(coroutine: Coroutine[Any, Any, None], name: str) -> None:
            services.entry.async_create_background_task(services.hass, coroutine, name)

        self._watch = Watch(self.lock, self, read, begin)
        return self._watch.async_start(services.hass)

    @property
    def may_have_bootloader(self) -> bool:
        """Whether the lock may be updated through Nordic's bootloader.

        What nothing is known of may be; MCUboot is not heard over the air.
        """
        kept = self._services.vault.running(self.lock)
        known = (*self.on_offer(), *((kept.release,) if kept else ()))
        formats = {release.payload.format for release in known if release.payload}
        return not formats or PayloadFormat.NORDIC_DFU in formats

    async def async_finds_bootloader(self) -> bool:
        """Return whether what is heard as the lock's bootloader can be talked to."""
        lock, services = self.lock, self._services
        async with services.queue.short_use():
            return lock.progress is None and await answers_as_bootloader(
                services.radio, bootloader_address(self.address), lock.name
            )

    @override
    def radio(self) -> RadioState:
        return read_radio(
            self.lock.hass,
            self.address,
            self.lock.links.lock_entity,
            self._services.store.bond(self.address),
        )

    def _reached_by(self) -> str | None:
        """Return which other integration reaches the lock now, if any."""
        return reached_by(self.lock.hass, self.address, self.lock.links.lock_entity)

    @override
    async def async_recheck(self, source: Source) -> None:
        # What comes from the feed has just been fetched there. What comes from a file or
        # the vault needs no feed, but its vendor may have halted it since.
        if source is not Source.FEED and self.lock.feed is not None:
            await self.lock.feed.async_hear(RECHECK_TIMEOUT)

    @override
    def feed_state(self, release: Release, *, just_asked: bool) -> FeedState:
        # Each plan asks for this; the vault need not be looked through for a vendor's own.
        signer = self._signer if release.keeper is not None else None
        if not just_asked:
            return feed_state(self.lock, release, signer)
        # After a fetch: what is expired or withdrawn does not get here.
        now = dt_util.utcnow()
        return FeedState(
            checked_at=now,
            expires_at=now + timedelta(minutes=1),
            key_pinned=bool(keys_of(self.lock)),
            other_signer=is_of_other_signer(release, signer, keys_of(self.lock)),
        )

    @override
    def installation(self, job: Job) -> Installation:
        lock, services = self.lock, self._services
        source = job.entry.source
        if source is Source.FEED:
            if lock.feed is None:
                # It was there when somebody asked; the lock has waited for its turn.
                raise InstallationError(InstallationProblem.FEED_REMOVED)
            keys = keys_of_release(lock, job.release, self._signer)
        else:
            # The vendor may have changed its key since.
            kept = services.vault.release(job.release.key)
            keys = (kept.signer,) if kept and kept.signer else ()
        return direct_installation(
            job,
            target=DirectTarget(
                address=self.address,
                floor=lock.floor,
                in_bootloader=lock.in_bootloader,
                reached_by=self._reached_by,
                manner=lock.record.manner,
                learned=lock.async_note_manner,
            ),
            supply=services.supply(lock, source),
            keys=keys,
            radio=services.radio,
        )

    @override
    async def async_release_of(self, entry: JournalEntry) -> Release | None:
        """Return what was being installed, once the feed has been heard.

        None where the vendor has taken it back. Where the feed stays silent, what is
        kept in the vault will do: it was proven before it was sent. For a lock that may
        wait in its bootloader it will do as soon as the feed was asked in vain.
        """
        lock = self.lock
        kept = self._services.vault.release(entry.sha256)
        if entry.source is not Source.FEED:
            return kept.release if kept else None
        heard = asyncio.Event()
        unsubscribe = lock.async_subscribe(heard.set)
        try:
            async with asyncio.timeout(FEED_TIMEOUT):
                while True:
                    # What is only remembered of the feed decides nothing.
                    relied_on = lock.feed is not None and lock.feed.error is None
                    for release in self.on_offer() if relied_on else ():
                        # Its vendor may have made of it what only a person installs.
                        if release.payload is not None and (
                            (release.version.text, release.key)
                            == (entry.version, entry.sha256)
                        ):
                            return release
                    if relied_on and lock.content is not None:
                        return None
                    in_vain = lock.feed is None or lock.feed.error is not None
                    if kept is not None and entry.touched and in_vain:
                        return kept.release
                    heard.clear()
                    await heard.wait()
        except TimeoutError:
            return kept.release if kept else None
        finally:
            unsubscribe()

    @override
    async def async_find_running(self) -> LockIdentity:
        """Wait for it: left in its bootloader it starts its old firmware by itself."""
        identity = await await_return(
            self._services.radio, self.address, self.lock.name
        )
        return identity.read_as(self.firmware_form)

    @override
    def gone(self) -> FeedError:
        return FeedError(
            FeedProblem.RELEASE_WITHDRAWN
            if self.lock.content is not None
            and self.lock.feed is not None
            and self.lock.feed.error is None
            else FeedProblem.UNREACHABLE
        )
