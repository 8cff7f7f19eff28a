"""Asking the public indexes about what other integrations offer; off unless wanted.

They learn which locks there are in this home. Who switches them on gets release notes, a
digest, recalls, and a veto where they contradict what is offered.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta
import logging

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .adapters.index_query import IndexQuery, ZigbeeNames
from .adapters.session import async_session
from .caches import INDEXES, cache_of
from .const import ALLOW_LOOPBACK_HTTP
from .core.errors import FeedError, FirmwareError, FirmwareProblem
from .core.feeds.conditional import ConditionalFetcher
from .core.feeds.dcl import MAX_AGE, DclIndex, DclQuery
from .core.feeds.public_index import Contradiction, Finding, IndexedRelease, IndexName
from .core.feeds.zigbee_ota import ZigbeeOtaIndex
from .core.feeds.zwave_js import ZwaveJsIndex
from .core.firmware.evidence import evidence_of
from .core.guard.known import Known
from .core.guard.source import SourceReading
from .core.model import Evidence
from .faults import Faults
from .household_settings import HouseholdSettings
from .locks.lock import ManagedLock
from .locks.registry import LockRegistry

_LOGGER = logging.getLogger(__name__)

# How often it is asked again whether a release was taken back.
_ASK_AGAIN = timedelta(hours=12)
# Seconds. Nobody waits longer for an answer that mostly says nothing.
_RECHECK_TIMEOUT = 30.0
_IMAGE_LIMIT = 4 * 1024 * 1024
_IMAGE_AGE = timedelta(days=30)


class PublicIndexes:
    """Asks what is known of the locks that other integrations update."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        settings: HouseholdSettings,
        locks: LockRegistry,
        faults: Faults,
    ) -> None:
        """Take the locks, and what the owner has set."""
        self._hass = hass
        self._entry = entry
        self._settings = settings
        self._locks = locks
        self._faults = faults
        self._fetcher = ConditionalFetcher(
            async_session(hass),
            cache_of(hass, INDEXES),
            dt_util.utcnow,
            allow_loopback_http=ALLOW_LOOPBACK_HTTP,
        )
        self.dcl = DclIndex(self._fetcher)
        self.zigbee_ota = ZigbeeOtaIndex(self._fetcher)
        self.zwave_js = ZwaveJsIndex(self._fetcher)
        self._asked: dict[str, tuple[str, float]] = {}
        """By lock: what was asked about last, and when on the loop's clock."""

    @callback
    def async_look(self) -> None:
        """Ask what is due to be asked, in the background."""
        if not self._settings.indexes:
            for lock in self._locks.values():
                lock.known = None
            return
        for lock in tuple(self._locks.values()):
            with self._faults.apart("public_indexes", lock):
                if (reading := lock.kind.source()) is not None:
                    self._look(lock, reading)

    @callback
    def _look(self, lock: ManagedLock, reading: SourceReading) -> None:
        if not reading.offers_update or reading.offered is None:
            return
        now = self._hass.loop.time()
        asked = self._asked.get(lock.subentry_id)
        again = _ASK_AGAIN.total_seconds()
        if asked is not None and asked[0] == reading.offered and now < asked[1] + again:
            return
        self._asked[lock.subentry_id] = (reading.offered, now)
        self._entry.async_create_background_task(
            self._hass,
            self._async_ask(lock, reading.offered),
            f"question to a public index about {lock.name}",
        )

    async def async_recheck(self, lock: ManagedLock) -> None:
        """Ask once more just before an installation: it may have been taken back."""
        reading = lock.kind.source()
        offered = reading.offered if reading is not None else None
        if not self._settings.indexes or offered is None:
            return
        try:
            async with asyncio.timeout(_RECHECK_TIMEOUT):
                await self._async_ask(lock, offered, max_age=timedelta())
        except TimeoutError:
            _LOGGER.info("%s: a public index took too long to answer", lock.name)

    async def _async_ask(
        self, lock: ManagedLock, offered: str, max_age: timedelta = MAX_AGE
    ) -> None:
        query = await lock.kind.async_index_query()
        try:
            finding = await self._async_find(query, offered, max_age)
            if finding is None:
                return
            evidence, is_listed = await self._async_evidence(finding.release)
            if not is_listed and finding.contradiction is None:
                finding = replace(finding, contradiction=Contradiction.OTHER_IMAGE)
        except FeedError as err:
            # What was known stays known; an index that is away proves nothing.
            _LOGGER.info("%s: a public index did not answer: %s", lock.name, err)
            return
        lock.known = _known(finding, offered, evidence)
        lock.async_select()

    async def _async_find(
        self, query: IndexQuery | None, offered: str, max_age: timedelta = MAX_AGE
    ) -> Finding | None:
        """Ask the index that knows such locks, if the owner lets us."""
        wanted = self._settings.indexes
        if isinstance(query, DclQuery) and IndexName.DCL in wanted:
            return await self.dcl.lookup(query, offered, max_age=max_age)
        if isinstance(query, ZigbeeNames):
            if IndexName.ZIGBEE_OTA not in wanted:
                return None
            return await self.zigbee_ota.lookup_named(
                query.model_id,
                query.manufacturer,
                query.installed,
                offered,
                source=query.source,
                max_age=max_age,
            )
        if query is not None and not isinstance(query, DclQuery):
            if IndexName.ZWAVE_JS not in wanted:
                return None
            return await self.zwave_js.lookup(query, offered, max_age=max_age)
        return None

    async def _async_evidence(
        self, release: IndexedRelease | None
    ) -> tuple[Evidence, bool]:
        """Look into the image; return what it proves, and whether it can be the listed one.

        It cannot where the index has a digest, and what is there has another one.
        """
        image = release.images[0] if release and release.images else None
        if image is None or image.digest is None:
            return Evidence.NOTHING_KNOWN, True
        if image.url is None:
            return Evidence.INTEGRITY_ONLY, True
        # What is kept may be from before it was listed: then it is fetched once more.
        for max_age in (_IMAGE_AGE, timedelta()):
            try:
                data = await self._fetcher.get(
                    image.url, limit=_IMAGE_LIMIT, max_age=max_age
                )
                if data is None:
                    break
                return await asyncio.to_thread(evidence_of, data, image.digest), True
            except FeedError as err:
                _LOGGER.debug("The image was not looked into: %s", err)
                break
            except FirmwareError as err:
                _LOGGER.debug("The image was not looked into: %s", err)
                if err.reason is not FirmwareProblem.HASH_MISMATCH:
                    break
        else:
            return Evidence.NOTHING_KNOWN, False
        return Evidence.INTEGRITY_ONLY, True


def _known(finding: Finding, offered: str, evidence: Evidence) -> Known:
    release = finding.release
    image = release.images[0] if release and release.images else None
    return Known(
        version=offered,
        index=finding.index,
        evidence=evidence,
        contradiction=finding.contradiction,
        digest=image.digest if image else None,
        notes=release.notes if release else "",
        url=release.url if release else None,
        released=release.released if release else None,
    )
