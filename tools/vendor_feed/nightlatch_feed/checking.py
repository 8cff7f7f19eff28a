"""A feed as Nightlatch sees it: asked, fetched and proven by its own code."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
import tempfile
from typing import override

import aiohttp
from aiohttp import web

from custom_components.nightlatch.core.errors import (
    FeedError,
    FirmwareError,
    NightlatchError,
)
from custom_components.nightlatch.core.feeds.base import FeedContent
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from custom_components.nightlatch.core.feeds.tuf_root import RootSummary, inspect_root
from custom_components.nightlatch.core.firmware.packages import verify_artifact
from custom_components.nightlatch.core.model import FirmwareKey, LockIdentity, Release
from custom_components.nightlatch.core.records.trust import Trust, TrustStore
from custom_components.nightlatch.core.select import Selection, select

from .problem import FeedToolError

_HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What a household that has pinned this root would have of a feed."""

    root: RootSummary
    content: FeedContent
    good: tuple[Release, ...]
    """Those whose file has come, and is what was signed."""
    refused: tuple[tuple[str, NightlatchError], ...]
    """What was left out, by its path, and why."""


class _NewHousehold(TrustStore):
    """Somebody who adds the feed today."""

    def __init__(self) -> None:
        self._trust = Trust()

    @property
    @override
    def trust(self) -> Trust:
        return self._trust

    @override
    async def raise_to(self, trust: Trust) -> None:
        self._trust = self._trust.merged(trust)


@asynccontextmanager
async def serving(feed: Path, port: int = 0) -> AsyncGenerator[str]:
    """Serve a folder to this machine, as a static host does; yield its URL."""
    app = web.Application()

    async def answer(request: web.Request) -> web.StreamResponse:
        data = await asyncio.to_thread(_file_in, feed, request.match_info["path"])
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data)

    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, _HOST, port).start()
        except OSError as err:
            raise FeedToolError(f"Port {port} cannot be used: {err.strerror}.") from err
        yield f"http://{_HOST}:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def _file_in(folder: Path, name: str) -> bytes | None:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return None
    return path.read_bytes()


async def check(
    where: str,
    root: bytes,
    pinned: frozenset[str] | None,
    keeper: str | None = None,
) -> Checked:
    """Check a feed, in a folder or at a URL, as a household that adds it does.

    ``pinned`` are the fingerprints of firmware keys that owners have approved, and
    ``keeper`` is who signs where that is not the vendor; with None for the fingerprints
    all is taken as the feed says. Raises ``FeedError`` where all of it is refused.
    """
    if "://" in where:
        return await _check(where, root, pinned, keeper, loopback=False)
    feed = Path(where)
    if not await asyncio.to_thread(feed.is_dir):
        raise FeedToolError(f"{where} is no folder.")
    async with serving(feed) as url:
        return await _check(url, root, pinned, keeper, loopback=True)


def offered(checked: Checked, identity: LockIdentity) -> Selection:
    """Return which release a lock would get of those that are good."""
    for model in checked.content.models:
        if model.model == identity.model:
            return select(checked.good, identity, model, None)
    raise FeedToolError(f"The feed has no model {identity.model}.")


async def _check(
    url: str,
    root: bytes,
    pinned: frozenset[str] | None,
    keeper: str | None,
    *,
    loopback: bool,
) -> Checked:
    summary = inspect_root(root, datetime.now(UTC))
    with tempfile.TemporaryDirectory() as cache:
        async with aiohttp.ClientSession() as session:
            feed = TufFeed(
                feed_id="checked",
                url=url,
                root=root,
                pinned_keys=pinned,
                keeper=keeper,
                cache=Path(cache),
                session=session,
                clock=lambda: datetime.now(UTC),
                trust=_NewHousehold(),
                allow_loopback_http=loopback,
            )
            content = await feed.check()
            good: list[Release] = []
            refused: list[tuple[str, NightlatchError]] = list(content.problems)
            for release in content.releases:
                try:
                    await _prove(feed, release, content.firmware_keys)
                except (FeedError, FirmwareError) as err:
                    path = release.artifact.path if release.artifact else ""
                    refused.append((path, err))
                else:
                    good.append(release)
    return Checked(
        root=summary, content=content, good=tuple(good), refused=tuple(refused)
    )


async def _prove(
    feed: TufFeed, release: Release, keys: tuple[FirmwareKey, ...]
) -> None:
    """Fetch what a release is; raise ``FeedError`` or ``FirmwareError``."""
    data = await feed.fetch(release)
    if release.payload is not None:
        await asyncio.to_thread(
            verify_artifact,
            data,
            release,
            keys=keys,
            minimum_firmware_version=None,
        )
