"""What a feed said last, while it cannot be asked."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from custom_components.nightlatch.core.errors import FeedError
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from tests.rig.vendor import Vendor

from .conftest import Clock, FeedFactory, MemoryTrust


async def test_what_a_feed_said_last_is_remembered(
    feed: TufFeed, make_feed: FeedFactory, vendor: Vendor, clock: Clock
) -> None:
    """By whoever comes after a restart, without asking anybody, and with its age."""
    vendor.rotate("root")
    vendor.describe(reports="https://kestrel.example/ends")
    content = await feed.check()
    assert content.reports == "https://kestrel.example/ends"
    await vendor.stop()
    vendor.requests.clear()
    clock.offset = timedelta(days=3)
    assert await make_feed().recall() == content
    assert vendor.requests == []


async def test_what_has_expired_since_is_remembered(
    feed: TufFeed, make_feed: FeedFactory, vendor: Vendor, clock: Clock
) -> None:
    """It was fresh then, and is only to look at; a check of it still fails."""
    vendor.renew("timestamp", valid=timedelta(seconds=2))
    clock.offset = -timedelta(seconds=1)
    content = await feed.check()
    clock.offset = timedelta(days=40)
    assert await make_feed().recall() == content


async def test_what_was_never_good_is_not_remembered(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Not even where a feed was asked in vain."""
    assert await feed.recall() is None
    await vendor.stop()
    with pytest.raises(FeedError):
        await feed.check()
    assert await feed.recall() is None


def _without_timestamp(cache: Path) -> None:
    (cache / "metadata" / "timestamp.json").unlink()


def _without_targets(cache: Path) -> None:
    (cache / "metadata" / "targets.json").unlink()


def _other_targets(cache: Path) -> None:
    targets = cache / "metadata" / "targets.json"
    targets.write_bytes(targets.read_bytes().replace(b"1.1.0", b"9.1.0"))


def _without_moment(cache: Path) -> None:
    (cache / "checked_at").unlink()


def _no_moment(cache: Path) -> None:
    (cache / "checked_at").write_text("2026-11-", encoding="ascii")


@pytest.mark.parametrize(
    "spoil",
    [
        _without_timestamp,
        _without_targets,
        _other_targets,
        _without_moment,
        _no_moment,
    ],
)
async def test_what_is_not_whole_is_not_remembered(
    feed: TufFeed, vendor: Vendor, cache: Path, spoil: Callable[[Path], None]
) -> None:
    """The cache is proven as anything is that comes from a server."""
    await feed.check()
    spoil(cache)
    vendor.requests.clear()
    assert await feed.recall() is None
    assert vendor.requests == []
    await feed.check()
    assert await feed.recall() is not None


async def test_what_has_sunk_below_the_floors_is_not_remembered(
    feed: TufFeed,
    make_feed: FeedFactory,
    vendor: Vendor,
    cache: Path,
    trust: MemoryTrust,
) -> None:
    """A cache out of an old backup is no way round them."""
    await feed.check()
    old = {
        path: path.read_bytes()
        for path in (cache / "metadata").iterdir()
        if path.is_file()
    }
    vendor.renew("timestamp")
    await feed.check()
    for path, data in old.items():
        path.write_bytes(data)
    floor = trust.kept
    assert await make_feed().recall() is None
    assert trust.kept == floor


async def test_another_root_or_another_key_remembers_nothing(
    feed: TufFeed, make_feed: FeedFactory
) -> None:
    """What is remembered is held against what the owner has pinned now."""
    await feed.check()
    assert await make_feed(root=Vendor().root).recall() is None
    assert await make_feed(pinned_keys=frozenset({"another"})).recall() is None


async def test_to_remember_proves_nothing_anew(
    feed: TufFeed, make_feed: FeedFactory, clock: Clock, trust: MemoryTrust
) -> None:
    """The trusted time does not rise by it."""
    await feed.check()
    before = trust.kept
    clock.offset = timedelta(days=1)
    assert await make_feed().recall() is not None
    assert trust.kept == before
