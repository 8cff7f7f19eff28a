"""A vendor, and a household that has pinned the vendor's root and keys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, override

import aiohttp
import pytest

from custom_components.nightlatch.core.feeds.schema import parse_descriptor
from custom_components.nightlatch.core.feeds.transfer import Limits
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from custom_components.nightlatch.core.records.trust import Trust, TrustStore
from tests.rig.vendor import Vendor

ONE = "acme/nd-100/1.0.0.zip"
TWO = "acme/nd-100/1.1.0.zip"
FIRMWARE_ONE = bytes(range(256)) * 40
FIRMWARE_TWO = bytes(reversed(range(256))) * 50

PINNED: frozenset[str] = frozenset({"what the vendor names now"})


class Clock:
    """The time, if need be another one than the computer's."""

    def __init__(self) -> None:
        """Start with the computer's time."""
        self.offset = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.offset


class LoopClock:
    """The event loop's clock, which can be made to jump.

    So tests of slow servers wait for nothing, and no slow machine makes them fail.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start with the loop's own clock."""
        self._real = loop.time
        self._offset = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self._real() + self._offset

    def jump(self, seconds: float) -> None:
        """Let time pass at once."""
        self._offset += seconds


class MemoryTrust(TrustStore):
    """Floors that last as long as the test."""

    def __init__(self) -> None:
        """Start without floors."""
        self.kept = Trust()
        self.failure: OSError | None = None

    @property
    @override
    def trust(self) -> Trust:
        return self.kept

    @override
    async def raise_to(self, trust: Trust) -> None:
        self.kept = self.kept.merged(trust)
        if self.failure is not None:
            raise self.failure


class FeedFactory(Protocol):
    """Makes feeds of the vendor, all with one cache and one trust."""

    def __call__(
        self,
        *,
        url: str | None = None,
        root: bytes | None = None,
        pinned_keys: frozenset[str] | None = PINNED,
        keeper: str | None = None,
        limits: Limits | None = None,
        allow_loopback_http: bool = True,
    ) -> TufFeed:
        """Make a feed; what is not given is the vendor's own."""


@pytest.fixture
async def vendor(socket_enabled: None) -> AsyncIterator[Vendor]:
    """Return a vendor with two releases, its server running."""
    vendor = Vendor()
    vendor.release(ONE, FIRMWARE_ONE, version="1.0.0")
    vendor.release(
        TWO,
        FIRMWARE_TWO,
        version="1.1.0",
        security_version=2,
        payload={
            "format": "nordic-dfu",
            "hardware_version": 52,
            "firmware_version": 2,
        },
    )
    await vendor.start()
    yield vendor
    await vendor.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Return the household's HTTP session."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def loop_clock(monkeypatch: pytest.MonkeyPatch) -> LoopClock:
    """Return the event loop's clock."""
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop)
    monkeypatch.setattr(loop, "time", clock)
    return clock


@pytest.fixture
def clock() -> Clock:
    """Return the household's clock."""
    return Clock()


@pytest.fixture
def trust() -> MemoryTrust:
    """Return the household's floors."""
    return MemoryTrust()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return the directory of the feed's cache, which does not exist yet."""
    return tmp_path / "feed"


@pytest.fixture
def make_feed(
    vendor: Vendor,
    session: aiohttp.ClientSession,
    clock: Clock,
    trust: MemoryTrust,
    cache: Path,
) -> FeedFactory:
    """Return a maker of feeds."""

    def make(
        *,
        url: str | None = None,
        root: bytes | None = None,
        pinned_keys: frozenset[str] | None = PINNED,
        keeper: str | None = None,
        limits: Limits | None = None,
        allow_loopback_http: bool = True,
    ) -> TufFeed:
        return TufFeed(
            feed_id="acme",
            url=vendor.url if url is None else url,
            root=vendor.root if root is None else root,
            pinned_keys=fingerprints(vendor) if pinned_keys is PINNED else pinned_keys,
            keeper=keeper,
            cache=cache,
            session=session,
            clock=clock,
            trust=trust,
            limits=limits,
            allow_loopback_http=allow_loopback_http,
        )

    return make


@pytest.fixture
def feed(make_feed: Callable[[], TufFeed]) -> TufFeed:
    """Return the feed of the vendor."""
    return make_feed()


def fingerprints(vendor: Vendor) -> frozenset[str]:
    """Return the fingerprints of the firmware keys that a vendor names now."""
    descriptor = parse_descriptor({"nightlatch": vendor.descriptor})
    return frozenset(key.fingerprint for key in descriptor.firmware_keys)


def names_in(directory: Path) -> list[str]:
    """Return the names of what is in a directory."""
    return sorted(path.name for path in directory.iterdir())
