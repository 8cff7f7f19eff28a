"""A vendor's signed feed: a TUF repository (TUF specification 1.0.34).

Layout below the feed's URL: ``metadata/`` and ``targets/``. What is in it beyond TUF is
docs/feed-format.md and ``schema.py``.

python-tuf proves signatures, thresholds, versions, hashes and expiry. What it leaves to
its user is done here and in ``transfer.py``: who may be talked to and for how long, a
memory that outlives the cache, and a clock that cannot be turned back.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
import hashlib
import logging
from pathlib import Path
import shutil
from typing import Final, override

import aiohttp
from tuf.api.exceptions import DownloadError, LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import Root, TargetFile
from tuf.ngclient.config import UpdaterConfig
from tuf.ngclient.updater import Updater

from ..advisories.published import PublishedAdvisory
from ..errors import FeedError, FeedProblem
from ..model import Evidence, Release
from ..phrase import Phrase
from ..records.trust import FeedFloor, Halts, Trust, TrustStore
from .base import Feed, FeedContent
from .schema import (
    CUSTOM_KEY,
    DESCRIPTOR_PATH,
    Descriptor,
    ListedFile,
    parse_descriptor,
    parse_published,
    parse_release,
)
from .transfer import Limits, Transfers, feed_url
from .tuf_keys import unknown_kind
from .tuf_past import CachedTransfers, PastUpdater, last_checked, note_checked
from .tuf_problems import explain
from .tuf_state import TrustedState, prune, read_state, tidy

_LOGGER = logging.getLogger(__name__)

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far a clock may go back without being suspect: time servers correct clocks."""

MAX_STATEMENTS: Final = 2048
"""How often advisories may name a version, all together: each lock is held against all
of them whenever something is new."""

# What can be wrong with one release while the feed as a whole is proven. Of the
# metadata problems these are those of delegated roles, the top-level ones being good.
_WRONG_RELEASE = frozenset(
    {
        FeedProblem.SCHEMA_TOO_NEW,
        FeedProblem.FIELD_INVALID,
    }
)
_NOT_OFFERED = _WRONG_RELEASE | {
    FeedProblem.EXPIRED,
    FeedProblem.UNSIGNED,
    FeedProblem.ROLLED_BACK,
    FeedProblem.MIXED,
    FeedProblem.METADATA_INVALID,
    FeedProblem.RELEASE_WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listing:
    """What one look at the feed has brought."""

    content: FeedContent
    refused: dict[str, FeedError]
    """By target path."""
    floor: FeedFloor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pinned:
    """What the owner has seen and approved, beside the root."""

    keys: frozenset[str]
    """Fingerprints of firmware keys."""
    keeper: str | None
    """Who signs, where that is not the vendor."""


class TufFeed(Feed):
    """The feed of a vendor who signs with TUF."""

    def __init__(
        self,
        *,
        feed_id: str,
        url: str,
        root: bytes,
        pinned_keys: frozenset[str] | None,
        cache: Path,
        session: aiohttp.ClientSession,
        clock: Callable[[], datetime],
        trust: TrustStore,
        heard: Callable[[FeedContent], None] = lambda _: None,
        keeper: str | None = None,
        limits: Limits | None = None,
        allow_loopback_http: bool = False,
    ) -> None:
        """Take what the owner has pinned: the root, the firmware keys, and who signs.

        ``feed_id`` names the floors of this feed in ``trust``. ``pinned_keys`` are the
        fingerprints that the owner has approved, or ``None`` while none have been shown
        yet; then it is not known either who signs, which is ``keeper``, or else the
        vendor. ``cache`` is this feed's own directory, which will be made; losing it costs
        nothing but a transfer. ``clock`` gives aware times in UTC. ``heard`` gets what a
        fetch has heard of all else, before it is done. ``url`` is looked at only by a
        check: what was a good one yesterday is not, once loopback is no longer allowed.
        """
        self._feed_id = feed_id
        self._url = url
        self._allow_loopback_http = allow_loopback_http
        self._root = root
        self._pinned_keys = pinned_keys
        self._keeper = keeper
        self._cache = cache
        self._session = session
        self._clock = clock
        self._trust = trust
        self._heard = heard
        self._limits = limits or Limits()
        # tuf keeps one client to a directory.
        self._lock = asyncio.Lock()
        self._running: _Visit | None = None

    @override
    async def check(self) -> FeedContent:
        """Ask the feed what is on offer; raise ``FeedError``.

        Two requests where nothing has changed: for a next root, and the timestamp.
        """
        async with self._visit() as visit:
            return (await self._look(visit)).content

    async def recall(self) -> FeedContent | None:
        """Return what the last good check has said, without asking anybody.

        For people to look at, with its ``checked_at``: nothing can be fetched by it. None
        where it is no longer whole, or below what must not sink.
        """
        checked_at = await asyncio.to_thread(last_checked, self._cache)
        if checked_at is None:
            return None
        floor = self._trust.trust.feeds.get(self._feed_id)
        try:
            async with self._visit(of_the_past=checked_at) as visit:
                listing = await visit.in_thread(
                    lambda: visit.look(checked_at, floor, self._pinned)
                )
        except FeedError as err:
            _LOGGER.debug("What was cached of a feed is no use: %s", err)
            return None
        return listing.content

    @override
    async def fetch(self, release: Release, *, begun: bool = False) -> bytes:
        """Fetch the artifact of a release, after asking again whether it still holds."""
        async with self._visit() as visit:
            listing = await self._look(visit)
            self._heard(listing.content)
            _check_still_offered(release, listing, begun=begun)
            return await visit.in_thread(lambda: visit.download(release))

    async def forget(self) -> None:
        """Delete the cache; what is being transferred ends with UNREACHABLE."""
        if self._running is not None:
            self._running.stop()
        async with self._lock:
            await asyncio.to_thread(shutil.rmtree, self._cache, ignore_errors=True)

    @asynccontextmanager
    async def _visit(
        self, of_the_past: datetime | None = None
    ) -> AsyncIterator[_Visit]:
        """Begin a visit once the one before has ended; raise ``FeedError``.

        Of the past it asks nobody, and sees what is cached as it was at that moment.
        """
        async with self._lock:
            url = feed_url(self._url, allow_loopback_http=self._allow_loopback_http)
            server = (self._session, str(url.host), self._limits)
            self._running = _Visit(
                url=str(url),
                root=self._root,
                cache=self._cache,
                transfers=(
                    Transfers(*server)
                    if of_the_past is None
                    else CachedTransfers(*server, self._cache)
                ),
                limits=self._limits,
                make_updater=(
                    Updater
                    if of_the_past is None
                    else partial(PastUpdater, moment=of_the_past)
                ),
            )
            try:
                yield self._running
            finally:
                self._running = None

    @property
    def _pinned(self) -> _Pinned | None:
        if self._pinned_keys is None:
            return None
        return _Pinned(keys=self._pinned_keys, keeper=self._keeper)

    async def _look(self, visit: _Visit) -> _Listing:
        """Refresh, and raise the floors to what is proven then."""
        now = self._clock()
        trust = self._trust.trust
        if trust.time is not None and now < trust.time - CLOCK_TOLERANCE:
            raise FeedError(
                FeedProblem.CLOCK_WENT_BACK,
                now=now.isoformat(),
                trusted=trust.time.isoformat(),
            )
        floor = trust.feeds.get(self._feed_id)
        listing = await visit.in_thread(lambda: visit.look(now, floor, self._pinned))
        # Not before now: a clock that is ahead is found out by what has expired then,
        # and must not become the measure of all later ones.
        try:
            await self._trust.raise_to(
                Trust(
                    time=now,
                    # One that was begun before a person has put it right is none.
                    time_resets=trust.time_resets,
                    feeds={self._feed_id: listing.floor},
                )
            )
            await visit.in_thread(lambda: note_checked(self._cache, now))
        except OSError as err:
            raise _storage(err) from err
        return listing


class _Visit:
    """One refresh of a feed and what follows from it; tuf allows one to a client.

    Made on the event loop; ``look`` and ``download`` are for a thread.
    """

    def __init__(
        self,
        *,
        url: str,
        root: bytes,
        cache: Path,
        transfers: Transfers,
        limits: Limits,
        make_updater: Callable[..., Updater],
    ) -> None:
        self._url = url
        self._root = root
        self._cache = cache
        self._metadata_dir = cache / "metadata"
        self._transfers = transfers
        self._limits = limits
        self._make_updater = make_updater
        self._updater: Updater
        self._targets: dict[str, TargetFile] = {}

    async def in_thread[T](self, work: Callable[[], T]) -> T:
        """Run work in a thread; when cancelled, end its transfer and wait for it.

        Only then may the next one use the directory.
        """
        thread = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            await asyncio.wait([thread])
        except asyncio.CancelledError:
            self.stop()
            await asyncio.wait([thread])
            # Seen, so that it is not reported as lost.
            thread.exception()
            raise
        return await thread

    def stop(self) -> None:
        """End the transfer that is running, and let no other one begin."""
        self._transfers.stop()

    def look(
        self, now: datetime, floor: FeedFloor | None, pinned: _Pinned | None
    ) -> _Listing:
        """Refresh the metadata and read what they say; raise ``FeedError``."""
        try:
            listing = self._listing(now, floor, pinned)
        except FeedError:
            self._tidy()
            raise
        if self._tidy():
            raise self._transfers.too_much()
        return listing

    def _tidy(self) -> bool:
        with self._explained():
            return tidy(self._metadata_dir, self._limits)

    def _listing(
        self, now: datetime, floor: FeedFloor | None, pinned: _Pinned | None
    ) -> _Listing:
        state = self._refresh()
        self._check_state(state, now, floor)
        descriptor = self._descriptor()
        if pinned is not None:
            _check_pinned(descriptor, pinned)
        releases, refused = self._releases(descriptor)
        advisories, unread = self._advisories(descriptor)
        return _Listing(
            content=FeedContent(
                vendor=descriptor.vendor,
                models=descriptor.models,
                releases=releases,
                problems=(*refused.items(), *unread.items()),
                firmware_keys=descriptor.firmware_keys,
                checked_at=now,
                expires_at=min(state.expires.values()),
                advisories=advisories,
                reports=descriptor.reports,
                keeper=descriptor.keeper,
                # That nothing is known only a maker can say.
                tells_advisories=descriptor.keeper is None
                and descriptor.advisories is not None
                and not unread,
            ),
            refused=refused,
            floor=replace(
                state.floor,
                halts=(floor.halts if floor else Halts()).then(
                    state.floor.root,
                    state.floor.snapshot.version,
                    {
                        (each.model, each.key): _is_halted(each)
                        # Of the same one listed twice a halt counts.
                        for each in sorted(releases, key=_is_halted)
                    },
                    of_keeper=descriptor.keeper is not None,
                ),
            ),
        )

    def download(self, release: Release) -> bytes:
        """Return the artifact of a release that has just been listed."""
        path = self._cache / "artifact"
        target = self._targets[_path(release)]
        self._transfers.expect_artifact(target.length)
        with self._explained():
            try:
                self._updater.download_target(
                    target,
                    str(path),
                    f"{self._url}targets/",
                )
                data = path.read_bytes()
            except LengthOrHashMismatchError as err:
                raise _mismatch(release) from err
            finally:
                path.unlink(missing_ok=True)
        # Again, for it has been on a disk since tuf looked at it.
        if hashlib.sha256(data).hexdigest() != release.key:
            raise _mismatch(release)
        return data

    def _refresh(self) -> TrustedState:
        with self._explained():
            try:
                # Always from the root that the owner has pinned: the cached one may be
                # gone, or half written.
                self._updater = self._make_updater(
                    str(self._metadata_dir),
                    f"{self._url}metadata/",
                    fetcher=self._transfers,
                    bootstrap=self._root,
                    config=UpdaterConfig(max_delegations=self._limits.roles),
                )
            except RepositoryError as err:
                if (kind := unknown_kind(self._root)) is not None:
                    raise FeedError(
                        FeedProblem.KEY_TOO_NEW, role=Root.type, kind=kind
                    ) from err
                raise FeedError(
                    FeedProblem.ROOT_INVALID, problem=Phrase("it does not prove itself")
                ) from err
            self._updater.refresh()
            state = read_state(self._metadata_dir)
            prune(self._metadata_dir, state)
        return state

    def _check_state(
        self, state: TrustedState, now: datetime, floor: FeedFloor | None
    ) -> None:
        host = self._transfers.host
        if (role := state.floor.beyond) is not None:
            # Else what follows it would be older than that for ever.
            shutil.rmtree(self._metadata_dir, ignore_errors=True)
            raise FeedError(FeedProblem.VERSION_TOO_HIGH, host=host, role=role)
        if floor is not None and (role := floor.sunk(state.floor)) is not None:
            raise FeedError(FeedProblem.ROLLED_BACK, host=host, role=role)
        # Before any of them is asked for.
        if len(state.files) > self._limits.roles:
            raise FeedError(
                FeedProblem.TOO_MANY_ROLES,
                host=host,
                roles=len(state.files),
                limit=self._limits.roles,
            )
        # tuf goes by the computer's clock; all else goes by this one.
        if (role := state.expired(now)) is not None:
            raise FeedError(
                FeedProblem.EXPIRED,
                host=host,
                role=role,
                expired=state.expires[role].isoformat(),
            )

    def _target(self, path: str) -> TargetFile | None:
        with self._explained():
            return self._updater.get_targetinfo(path)

    def _known(self, path: str) -> TargetFile:
        """Return a target that the descriptor lists; raise ``FeedError``."""
        if (target := self._target(path)) is None:
            raise FeedError(FeedProblem.RELEASE_WITHDRAWN, path=path)
        return target

    def _descriptor(self) -> Descriptor:
        target = self._target(DESCRIPTOR_PATH)
        custom = target.custom if target is not None else None
        if not isinstance(custom, dict) or CUSTOM_KEY not in custom:
            raise FeedError(FeedProblem.NOT_A_FEED, host=self._transfers.host)
        return parse_descriptor(custom)

    def _releases(
        self, descriptor: Descriptor
    ) -> tuple[tuple[Release, ...], dict[str, FeedError]]:
        """Return the releases that are in order, and what is wrong with the others."""
        releases: list[Release] = []
        refused: dict[str, FeedError] = {}
        for path in descriptor.releases:
            try:
                releases.append(self._release(path, descriptor))
            except FeedError as err:
                if err.reason not in _NOT_OFFERED:
                    raise
                refused[path] = err
        counts = Counter((release.model, release.version) for release in releases)
        for release in releases:
            if counts[release.model, release.version] > 1:
                refused[_path(release)] = FeedError(
                    FeedProblem.FIELD_INVALID,
                    field="version",
                    problem=Phrase("is there twice for this model"),
                )
        return (
            tuple(release for release in releases if _path(release) not in refused),
            refused,
        )

    def _advisories(
        self, descriptor: Descriptor
    ) -> tuple[tuple[PublishedAdvisory, ...], dict[str, FeedError]]:
        """Return what is known of the vendor's locks, and what could not be read of it."""
        found: list[PublishedAdvisory] = []
        unread: dict[str, FeedError] = {}
        left = MAX_STATEMENTS
        for path in descriptor.advisories or ():
            try:
                told = parse_published(self._known(path).custom, descriptor)
                left -= sum(advisory.statements for advisory in told)
                if left < 0:
                    raise _too_many_statements()
                found += told
            except FeedError as err:
                if err.reason not in _NOT_OFFERED:
                    raise
                unread[path] = err
        return tuple(found), unread

    def _release(self, path: str, descriptor: Descriptor) -> Release:
        target = self._targets[path] = self._known(path)
        return parse_release(
            ListedFile(
                path=path,
                length=target.length,
                hashes=target.hashes,
                custom=target.custom,
            ),
            descriptor,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (DownloadError, OSError, RepositoryError) as err:
            raise explain(err, self._transfers, self._metadata_dir) from err


def _check_pinned(descriptor: Descriptor, pinned: _Pinned) -> None:
    """Check that a feed is still what the owner has approved."""
    if descriptor.keeper != pinned.keeper:
        # In either direction: a keeper does not become the maker by saying so.
        raise FeedError(
            FeedProblem.SIGNED_BY_CHANGED,
            before=pinned.keeper or descriptor.vendor,
            now=descriptor.keeper or descriptor.vendor,
        )
    named = {key.fingerprint for key in descriptor.firmware_keys}
    if others := named - pinned.keys:
        raise FeedError(
            FeedProblem.FIRMWARE_KEY_CHANGED,
            pinned=", ".join(sorted(pinned.keys)),
            named=", ".join(sorted(others)),
        )


def _check_still_offered(release: Release, listing: _Listing, *, begun: bool) -> None:
    path = _path(release)
    if (err := listing.refused.get(path)) is not None:
        if err.reason in _WRONG_RELEASE:
            raise FeedError(FeedProblem.RELEASE_CHANGED, path=path) from err
        raise err
    offered = {_path(release): release for release in listing.content.releases}
    if path not in offered:
        raise FeedError(FeedProblem.RELEASE_WITHDRAWN, path=path)
    now = offered[path]
    if _as_signed(now) != _as_signed(release):
        raise FeedError(FeedProblem.RELEASE_CHANGED, path=path)
    if now.halted is not None and not release.is_halted and not begun:
        raise FeedError(FeedProblem.RELEASE_HALTED, path=path, why=now.halted.why)


def _is_halted(release: Release) -> bool:
    return release.halted is not None


def _as_signed(release: Release) -> Release:
    """Return a release without what changes while it is let out: it is the same one.

    And without what a lock makes of it: the same image proves more to one that has run
    its signer's than to another.
    """
    return replace(release, rollout=None, halted=None, evidence=Evidence.NOTHING_KNOWN)


def _path(release: Release) -> str:
    assert release.artifact is not None, "a feed's releases have artifacts"
    return release.artifact.path


def _mismatch(release: Release) -> FeedError:
    return FeedError(FeedProblem.ARTIFACT_MISMATCH, path=_path(release))


def _too_many_statements() -> FeedError:
    return FeedError(
        FeedProblem.FIELD_INVALID,
        field="vulnerabilities",
        problem=f"name versions more than {MAX_STATEMENTS} times, with all before",
    )


def _storage(err: OSError) -> FeedError:
    return FeedError(FeedProblem.STORAGE, problem=err.strerror or type(err).__name__)
