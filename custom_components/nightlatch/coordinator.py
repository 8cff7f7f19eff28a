"""One coordinator a feed: asks what is on offer, for all locks of the feed at once."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
import hashlib
import logging
from pathlib import Path
import random
from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .adapters.session import async_session
from .adapters.storage import HouseholdStore
from .caches import FEEDS, cache_of
from .const import (
    ALLOW_LOOPBACK_HTTP,
    CONF_FIRMWARE_KEYS,
    CONF_KEEPER,
    CONF_REPORTS_TO,
    CONF_ROOT,
    FEED_INTERVAL,
    FEED_JITTER,
    FEED_RETRY,
)
from .core.errors import FeedError, FeedProblem, FirmwareError
from .core.feeds.base import FeedContent
from .core.feeds.transfer import feed_url
from .core.feeds.tuf import TufFeed
from .core.firmware.keys import load_firmware_key
from .core.model import FirmwareKey
from .core.records.trust import TrustStore
from .translation import async_describe

_LOGGER = logging.getLogger(__name__)

# By then it is asked as seldom as any other.
_DOUBLINGS = 10


def _pinned(pems: Iterable[str]) -> Iterator[FirmwareKey]:
    """Return the keys that were pinned; what cannot be read any more was not."""
    for pem in pems:
        with suppress(FirmwareError):
            yield load_firmware_key(pem)


def _trusted_as(root: str) -> str:
    return hashlib.sha256(root.encode()).hexdigest()


def _digest(source: Mapping[str, Any]) -> str:
    text = f"{source[CONF_URL]} {source[CONF_ROOT]}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def normal_url(text: str) -> str:
    """Return the one way to write the URL of a feed; raise ``FeedError``."""
    return str(feed_url(text, allow_loopback_http=ALLOW_LOOPBACK_HTTP))


def make_feed(
    hass: HomeAssistant,
    *,
    url: str,
    root: str,
    pinned_keys: frozenset[str] | None,
    cache: Path,
    trust: TrustStore,
    heard: Callable[[FeedContent], None] = lambda _: None,
    keeper: str | None = None,
) -> TufFeed:
    """Return a feed that uses Home Assistant's clock, and a session without a memory."""
    return TufFeed(
        # What is trusted, not the subentry and not the address: a feed that moves, or is
        # removed and added again, is the same one; with another root it is not.
        feed_id=_trusted_as(root),
        url=url,
        root=root.encode(),
        pinned_keys=pinned_keys,
        keeper=keeper,
        cache=cache,
        session=async_session(hass),
        clock=dt_util.utcnow,
        trust=trust,
        heard=heard,
        allow_loopback_http=ALLOW_LOOPBACK_HTTP,
    )


class FeedCoordinator(DataUpdateCoordinator[FeedContent | None]):
    """Checks a feed at start and then twice a day; no data means never heard.

    One that cannot be relied upon is asked again after a minute, and then after twice as
    long each time: a router may start later than this house, and a clock may not be set
    yet. What the feed said last stays on show meanwhile.
    """

    config_entry: ConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        subentry: ConfigSubentry,
        store: HouseholdStore,
    ) -> None:
        """Prepare the feed of a subentry."""
        jitter = random.uniform(-1, 1) * FEED_JITTER.total_seconds()
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=subentry.title,
            update_interval=FEED_INTERVAL + timedelta(seconds=jitter),
        )
        self.subentry_id = subentry.subentry_id
        self.error: FeedError | None = None
        """Why the last check failed; None after one that did not."""
        self._store = store
        self._refused: tuple[str, ...] = ()
        self._in_vain = 0
        """How often it was asked since it could be relied upon."""
        self._asked = asyncio.Event()
        self.configure(subentry)

    @callback
    def configure(self, subentry: ConfigSubentry) -> None:
        """Take over what the owner has set."""
        self.title = self.name = subentry.title
        self.source = dict(subentry.data)
        self.firmware_keys = tuple(_pinned(subentry.data[CONF_FIRMWARE_KEYS]))
        """Pinned when the owner added the feed; what the feed says changes nothing."""
        self.feed = make_feed(
            self.hass,
            url=subentry.data[CONF_URL],
            root=subentry.data[CONF_ROOT],
            pinned_keys=frozenset(key.fingerprint for key in self.firmware_keys),
            keeper=self.keeper,
            # Another source must not meet what the last one has left.
            cache=cache_of(self.hass, FEEDS)
            / f"{subentry.subentry_id}-{_digest(self.source)}",
            trust=self._store,
            heard=partial(self._heard, self.source),
        )

    @callback
    def _heard(self, source: Mapping[str, Any], content: FeedContent) -> None:
        """Take over what the feed has said when something was fetched from it."""
        if source is self.source:
            self._take_over(content)
            self.async_set_updated_data(content)

    async def async_hear(self, timeout: float) -> None:
        """Ask the feed; what comes of it is in ``data`` and ``error``.

        One that does not answer in time goes on being asked in the background.
        """
        asking = self.config_entry.async_create_background_task(
            self.hass, self.async_refresh(), f"check of feed {self.title}"
        )
        await asyncio.wait((asking,), timeout=timeout)

    async def async_replace(self, subentry: ConfigSubentry) -> None:
        """Ask another feed from now on; what the old one said no longer counts."""
        replaced = self.feed
        self.configure(subentry)
        self.data = None
        self.error = None
        self._in_vain = 0
        self.last_update_success = True
        self.async_update_listeners()
        await replaced.forget()

    async def async_wait_until_asked(self) -> None:
        """Wait until it has been asked once, whatever came of it."""
        await self._asked.wait()

    @override
    async def _async_update_data(self) -> FeedContent:
        """Ask the feed."""
        try:
            return await self._async_ask()
        finally:
            self._asked.set()

    async def _async_ask(self) -> FeedContent:
        feed = self.feed
        # Before it is asked: an answer that is cut short spoils what is cached.
        recalled = await feed.recall() if self.data is None else None
        try:
            content = await feed.check()
        except FeedError as err:
            if feed is not self.feed:
                return await self._async_ask()
            message = await async_describe(self.hass, err, feed=self.title)
            if self.data is None:
                self.data = recalled
            self._note(err, message)
            raise UpdateFailed(message, retry_after=self._pause()) from err
        self._take_over(content)
        return content

    @callback
    def _take_over(self, content: FeedContent) -> None:
        """Note that it can be relied upon, and what is left out of it."""
        self.error = None
        self._in_vain = 0
        for refused in content.refused:
            if refused not in self._refused:
                _LOGGER.warning(
                    "%s: a release or advisory is left out: %s", self.title, refused
                )
        self._refused = content.refused

    def _pause(self) -> float:
        """Return after how many seconds it is asked again; count that it was in vain."""
        pause = FEED_RETRY * (1 << min(self._in_vain, _DOUBLINGS))
        self._in_vain += 1
        usual: timedelta = self.update_interval or FEED_INTERVAL
        return min(pause, usual).total_seconds()

    @callback
    def async_clock_put_right(self) -> None:
        """Ask at once where the clock may have been what was wrong."""
        if self.trouble is not None:
            self.config_entry.async_create_background_task(
                self.hass, self.async_refresh(), f"check of feed {self.title}"
            )

    @callback
    def _note(self, err: FeedError, message: str) -> None:
        """Keep why a check failed.

        Home Assistant's coordinator logs and tells only the first failure of several,
        but each may have another reason.
        """
        before, self.error = self.error, err
        if before is not None and before.reason is not err.reason:
            _LOGGER.error("%s", message)
            self.async_update_listeners()

    @property
    def trusted_as(self) -> str:
        """Return what its floors, and what it has halted, are kept under."""
        return _trusted_as(self.source[CONF_ROOT])

    @property
    def keeper(self) -> str | None:
        """Return who signs it, as the owner has seen, where that is not the vendor."""
        keeper: str | None = self.source.get(CONF_KEEPER)
        return keeper

    @property
    def may_report(self) -> bool:
        """Return whether the owner has agreed that its vendor is told anything."""
        return CONF_REPORTS_TO in self.source

    @property
    def reports_to(self) -> str | None:
        """Return where its vendor is told how installations ended; None for nowhere.

        The owner has agreed to one address. It counts only while the feed names it.
        """
        agreed: str | None = self.source.get(CONF_REPORTS_TO)
        named = self.data.reports if self.data is not None else None
        return agreed if agreed == named else None

    @property
    def trouble(self) -> FeedProblem | None:
        """Return what is wrong with the feed; None while it can be relied upon."""
        if self.error is not None:
            return self.error.reason
        if self.data is not None and self.data.expires_at <= dt_util.utcnow():
            return FeedProblem.EXPIRED
        return None
