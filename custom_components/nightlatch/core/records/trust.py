"""What must never sink: the latest trusted time, and the lowest versions still accepted.

A feed's cache may be deleted, a backup restored, a clock turned back; none of that may
make old metadata or old firmware acceptable again. So these floors are kept apart from
the cache, and merging two states takes the higher of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
import json
from typing import Any, Final, Protocol

from ..versions import Version, VersionScheme
from .stored import MAX_WHOLE, as_floor, as_text, as_time, as_truth, optional

MAX_HALTS: Final = 256
"""How many halted releases of one feed are remembered, those first that it lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleFloor:
    """The highest version seen of one TUF role, and the keys that it was trusted under."""

    version: int
    key_ids: frozenset[str]

    def admits(self, seen: RoleFloor) -> bool:
        """Return whether metadata as ``seen`` do not sink below this floor.

        Once a key has been taken from the role the floor no longer binds: that is how a
        vendor recovers from a thief who signed an absurdly high version (TUF
        specification 1.0.34, 5.3.11, fast-forward attack). Adding a key lifts nothing.
        """
        return seen.version >= self.version or not self.key_ids <= seen.key_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Halts:
    """Which releases a feed has halted, as its latest metadata say.

    What was heard once is not unheard: not where the feed is silent, gone, or its cache
    lost, and not where it no longer lists the release. Only later metadata that list it,
    and do not halt it, let it go on.
    """

    root: int = 0
    snapshot: int = 0
    """Together the versions of the metadata that say so."""
    releases: frozenset[tuple[str, str]] = frozenset()
    """Each by its model and its ``key``."""
    of_keeper: bool | None = False
    """Whether a keeper says so, and not the vendor; None where that was not kept."""

    def then(
        self,
        root: int,
        snapshot: int,
        told: Mapping[tuple[str, str], bool],
        *,
        of_keeper: bool = False,
    ) -> Halts:
        """Return what holds after metadata that list these releases, halted or not."""
        halted = {each for each, is_halted in told.items() if is_halted}
        before = sorted(self.releases - told.keys())
        room = max(MAX_HALTS - len(halted), 0)
        return Halts(
            root=root,
            snapshot=snapshot,
            releases=frozenset([*halted, *before[:room]]),
            of_keeper=of_keeper,
        )

    def merged(self, other: Halts) -> Halts:
        """Return what the later of both say; of the same age, what either says."""
        mine, theirs = (self.root, self.snapshot), (other.root, other.snapshot)
        if mine != theirs:
            return max(self, other, key=lambda each: (each.root, each.snapshot))
        return replace(
            self,
            releases=self.releases | other.releases,
            of_keeper=_vendors_first(self.of_keeper, other.of_keeper),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFloor:
    """The highest metadata versions seen of one feed, and what they have halted."""

    root: int
    timestamp: RoleFloor
    snapshot: RoleFloor
    targets: RoleFloor
    halts: Halts = Halts()

    @property
    def beyond(self) -> str | None:
        """Return the first role whose version is too high to be kept, or ``None``."""
        versions = {
            "root": self.root,
            "timestamp": self.timestamp.version,
            "snapshot": self.snapshot.version,
            "targets": self.targets.version,
        }
        return next((role for role, at in versions.items() if at > MAX_WHOLE), None)

    def sunk(self, seen: FeedFloor) -> str | None:
        """Return the first role that is below this floor in ``seen``, or ``None``."""
        if seen.root < self.root:
            return "root"
        if not self.timestamp.admits(seen.timestamp):
            return "timestamp"
        if not self.snapshot.admits(seen.snapshot):
            return "snapshot"
        if not self.targets.admits(seen.targets):
            return "targets"
        return None

    def merged(self, other: FeedFloor) -> FeedFloor:
        """Return the higher of both, role by role."""

        def higher(mine: RoleFloor, theirs: RoleFloor) -> RoleFloor:
            (_, older), (_, newer) = sorted(
                ((self.root, mine), (other.root, theirs)),
                key=lambda floor: (
                    floor[0],
                    len(floor[1].key_ids),
                    floor[1].version,
                    sorted(floor[1].key_ids),
                ),
            )
            if older.key_ids <= newer.key_ids:
                return replace(newer, version=max(older.version, newer.version))
            return newer

        return FeedFloor(
            root=max(self.root, other.root),
            timestamp=higher(self.timestamp, other.timestamp),
            snapshot=higher(self.snapshot, other.snapshot),
            targets=higher(self.targets, other.targets),
            halts=self.halts.merged(other.halts),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFloor:
    """The newest firmware that has run on one lock."""

    version: Version
    security_version: int
    firmware_version: int
    """As in the payload; the vendor's own counter, which outlives a change of scheme."""

    def merged(self, other: LockFloor) -> LockFloor:
        """Return the higher of both, part by part.

        Versions of unlike schemes do not compare; then the version counts that came
        with the newer firmware.
        """
        if self.version.scheme is other.version.scheme:
            # The same one whichever way round, also of two that have no order.
            version = max(self.version, other.version, key=lambda each: each.rank)
        else:
            version = max(
                (self, other),
                key=lambda floor: (floor.firmware_version, floor.version.scheme),
            ).version
        return LockFloor(
            version=version,
            security_version=max(self.security_version, other.security_version),
            firmware_version=max(self.firmware_version, other.firmware_version),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """All floors of the household."""

    time: datetime | None = None
    """The latest time at which a feed was proven fresh; aware, UTC."""
    time_resets: int = 0
    """How often a person has said that a clock was ahead; a time from before such a day
    is none any more."""
    feeds: Mapping[str, FeedFloor] = field(default_factory=dict)
    locks: Mapping[str, LockFloor] = field(default_factory=dict)

    def halted_by(self, model: str, key: str) -> frozenset[str]:
        """Return which feeds, though they may be gone, have halted a release."""
        return frozenset(
            feed_id
            for feed_id, feed in self.feeds.items()
            if (model, key) in feed.halts.releases
        )

    @property
    def halts(self) -> Mapping[str, frozenset[tuple[str, str]]]:
        """Return what is halted, by the feed that says so."""
        return {
            feed_id: feed.halts.releases
            for feed_id, feed in self.feeds.items()
            if feed.halts.releases
        }

    @property
    def keepers(self) -> frozenset[str]:
        """Return which feeds are keepers', as far as it was kept."""
        return frozenset(
            feed_id for feed_id, feed in self.feeds.items() if feed.halts.of_keeper
        )

    def lock_number(self, key: str) -> int:
        """Return how many locks there were before the latest that has a floor there."""
        start = f"{key}#"
        numbers = (
            int(each.removeprefix(start))
            for each in self.locks
            if each.startswith(start) and each.removeprefix(start).isdecimal()
        )
        return max(numbers, default=0)

    def within(self, most: int) -> Trust:
        """Return as much of it as fits into so many bytes of JSON.

        What a feed has halted goes first, of those that say most: it is listed there
        still, unless that feed is gone, and no floor sinks. Merged with what is kept it
        takes nothing away.
        """
        size, feeds = _size(self.to_dict()), dict(self.feeds)
        sizes = {key: _size(_halts_to_dict(each.halts)) for key, each in feeds.items()}
        for key in sorted(feeds, key=lambda each: (-sizes[each], each)):
            if size <= most:
                break
            feeds[key] = replace(feeds[key], halts=Halts())
            size -= sizes[key] - _size(_halts_to_dict(Halts()))
        return replace(self, feeds=feeds)

    def merged(self, other: Trust) -> Trust:
        """Return the higher of both; what only one of them knows is kept.

        The time alone may go back, where a person has said so.
        """
        resets = max(self.time_resets, other.time_resets)
        times = [
            each.time
            for each in (self, other)
            if each.time is not None and each.time_resets == resets
        ]
        feeds = {**self.feeds, **other.feeds}
        for key in self.feeds.keys() & other.feeds.keys():
            feeds[key] = self.feeds[key].merged(other.feeds[key])
        locks = {**self.locks, **other.locks}
        for key in self.locks.keys() & other.locks.keys():
            locks[key] = self.locks[key].merged(other.locks[key])
        return Trust(
            time=max(times, default=None),
            time_resets=resets,
            feeds=feeds,
            locks=locks,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "time": self.time.isoformat() if self.time else None,
            "time_resets": self.time_resets,
            "feeds": {key: _feed_to_dict(floor) for key, floor in self.feeds.items()},
            "locks": {key: _lock_to_dict(floor) for key, floor in self.locks.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Trust:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                time=as_time(data["time"]) if data["time"] else None,
                # Earlier versions knew no way back.
                time_resets=as_floor(data.get("time_resets", 0)),
                feeds={key: _feed_from_dict(raw) for key, raw in data["feeds"].items()},
                locks={key: _lock_from_dict(raw) for key, raw in data["locks"].items()},
            )
        except (AttributeError, KeyError, TypeError) as err:
            raise ValueError(f"Not a state of trust: {err!r}") from err


class TrustStore(Protocol):
    """Keeps the floors, apart from every cache."""

    @property
    def trust(self) -> Trust:
        """What is kept now."""

    async def raise_to(self, trust: Trust) -> None:
        """Merge this into what is kept; return when it is on disk.

        May raise ``OSError``; the merged state then holds in memory all the same.
        """


def _vendors_first(mine: bool | None, theirs: bool | None) -> bool | None:
    """Return whose halts of two states of one feed are; who does not know does not say."""
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return mine and theirs


def _size(raw: Mapping[str, Any]) -> int:
    return len(json.dumps(raw))


def _role_to_dict(floor: RoleFloor) -> dict[str, Any]:
    return {"version": floor.version, "key_ids": sorted(floor.key_ids)}


def _role_from_dict(raw: Mapping[str, Any]) -> RoleFloor:
    return RoleFloor(
        version=as_floor(raw["version"]),
        key_ids=frozenset(str(key_id) for key_id in raw["key_ids"]),
    )


def _feed_to_dict(floor: FeedFloor) -> dict[str, Any]:
    return {
        "root": floor.root,
        "timestamp": _role_to_dict(floor.timestamp),
        "snapshot": _role_to_dict(floor.snapshot),
        "targets": _role_to_dict(floor.targets),
        "halts": _halts_to_dict(floor.halts),
    }


def _halts_to_dict(halts: Halts) -> dict[str, Any]:
    return {
        "root": halts.root,
        "snapshot": halts.snapshot,
        "releases": [list(each) for each in sorted(halts.releases)],
        "of_keeper": halts.of_keeper,
    }


def _feed_from_dict(raw: Mapping[str, Any]) -> FeedFloor:
    return FeedFloor(
        root=as_floor(raw["root"]),
        timestamp=_role_from_dict(raw["timestamp"]),
        snapshot=_role_from_dict(raw["snapshot"]),
        targets=_role_from_dict(raw["targets"]),
        # Earlier versions kept none.
        halts=_halts_from_dict(raw["halts"]) if "halts" in raw else Halts(),
    )


def _halts_from_dict(raw: Mapping[str, Any]) -> Halts:
    return Halts(
        root=as_floor(raw["root"]),
        snapshot=as_floor(raw["snapshot"]),
        releases=frozenset(
            (as_text(model), as_text(key)) for model, key in raw["releases"]
        ),
        # Earlier versions did not say whose they are.
        of_keeper=optional(as_truth, raw.get("of_keeper")),
    )


def _lock_to_dict(floor: LockFloor) -> dict[str, Any]:
    return {
        "version": floor.version.text,
        "version_scheme": str(floor.version.scheme),
        "security_version": floor.security_version,
        "firmware_version": floor.firmware_version,
    }


def _lock_from_dict(raw: Mapping[str, Any]) -> LockFloor:
    return LockFloor(
        version=Version.parse(VersionScheme(raw["version_scheme"]), raw["version"]),
        security_version=as_floor(raw["security_version"]),
        firmware_version=as_floor(raw["firmware_version"]),
    )
