"""A TUF repository in a folder: what is published, and what is about to be.

``feed/`` is what a web server gets, whole and at any time in order. ``staged/`` holds
roles that have been changed: each person adds their signatures there, and only what has
enough of them is published. A household sees nothing of it before the timestamp, which is
written last, names it.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
import json
import os
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Key,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from custom_components.nightlatch.core.feeds.schema import CUSTOM_KEY, DESCRIPTOR_PATH

from .keys import KeyStore
from .problem import FeedToolError

type AnyMetadata = Metadata[Root] | Metadata[Targets]

COUNTS: Final = {Root.type: 3, Targets.type: 2, Snapshot.type: 1, Timestamp.type: 1}
"""How many keys each role begins with."""
THRESHOLDS: Final = {Root.type: 2, Targets.type: 2}
"""How many of them must sign; one, of the others."""
ONLINE: Final = frozenset({Snapshot.type, Timestamp.type})
"""The roles that a machine signs."""
VALID: Final = {
    Root.type: timedelta(days=365),
    Snapshot.type: timedelta(days=7),
    Timestamp.type: timedelta(days=2),
}
_VALID_TARGETS = timedelta(days=90)
UNTIL: Final = "%Y-%m-%d %H:%M UTC"


class Repository:
    """The repository of one vendor."""

    def __init__(
        self,
        folder: Path,
        keys: KeyStore,
        clock: Callable[[], datetime],
        *,
        published_only: bool = False,
    ) -> None:
        """Take a folder, which need not exist yet.

        With ``published_only`` what is staged is none of its business.
        """
        self.feed = folder / "feed"
        self._metadata = self.feed / "metadata"
        self._staged = folder / "staged"
        self._keys = keys
        self._clock = clock
        self._published_only = published_only

    # What there is.

    @property
    def exists(self) -> bool:
        """Whether there is one, published or about to be.

        One that was cut off while it was founded is none yet.
        """
        if self._published(Root.type) is not None:
            return True
        targets = self._staged / f"{Targets.type}.json"
        return targets.exists() and DESCRIPTOR_PATH in self.targets.targets

    @property
    def root(self) -> Root:
        """The root that holds, or is about to."""
        return self._root().signed

    @property
    def targets(self) -> Targets:
        """What the top-level targets say, or are about to."""
        return self.role(Targets.type).signed

    @property
    def descriptor(self) -> dict[str, Any]:
        """What the feed says of itself."""
        return self.custom(DESCRIPTOR_PATH)

    @property
    def staged(self) -> list[str]:
        """The roles that are about to be published."""
        if self._published_only:
            return []
        known = {Root.type, Targets.type, *self.delegated}
        names = {path.stem for path in self._staged.glob("*.json")}
        return sorted(names & known)

    @property
    def delegated(self) -> Mapping[str, DelegatedRole]:
        """The roles that sign for some of the releases."""
        delegations = self.targets.delegations
        return {} if delegations is None else delegations.roles or {}

    def role(self, name: str) -> Metadata[Targets]:
        """Return what a role says of targets, or is about to."""
        return self._read(self._path(name), Targets)

    def role_for(self, path: str) -> str:
        """Return the role that signs for a target path."""
        for name, role in self.delegated.items():
            if role.is_delegated_path(path):
                return name
        return Targets.type

    def custom(self, path: str) -> dict[str, Any]:
        """Return what is said of a target; raise ``FeedToolError`` where there is none."""
        target = self.role(self.role_for(path)).signed.targets.get(path)
        if target is None or not isinstance(target.custom, dict):
            raise FeedToolError(f"There is no {path} in this feed.")
        ours: dict[str, Any] = target.custom[CUSTOM_KEY]
        return dict(ours)

    def expiries(self) -> Iterator[tuple[str, datetime]]:
        """Yield the published roles, and until when each is good."""
        yield Root.type, self._read(self._published_root(), Root).signed.expires
        timestamp = self._read(self._metadata / "timestamp.json", Timestamp).signed
        yield Timestamp.type, timestamp.expires
        snapshot = self._published_snapshot(timestamp)
        yield Snapshot.type, snapshot.expires
        for name in sorted(snapshot.meta):
            role = name.removesuffix(".json")
            published = self._published_role(role, snapshot)
            yield role, self._read(published, Targets).signed.expires

    # Changing it. All of this is staged.

    def found(self) -> None:
        """Make the keys, and a root that names them."""
        root = Root(consistent_snapshot=True)
        for role, count in COUNTS.items():
            for _ in range(count):
                signer = self._keys.make(role, offline=role not in ONLINE)
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = THRESHOLDS.get(role, 1)
        self._stage(Root.type, Metadata(root))
        self._stage(Targets.type, Metadata(Targets()))

    def put(self, path: str, data: bytes, custom: Mapping[str, Any]) -> None:
        """Add a target, or put another one in its place."""
        role = self.role_for(path)
        metadata = self.role(role)
        target = TargetFile.from_data(path, data, ["sha256"])
        target.unrecognized_fields["custom"] = {CUSTOM_KEY: dict(custom)}
        metadata.signed.targets[path] = target
        _write(self.feed / "targets" / target.get_prefixed_paths()[0], data)
        self._stage(role, metadata)

    def say(self, path: str, custom: Mapping[str, Any]) -> None:
        """Say something else of a target; its file stays as it is."""
        role = self.role_for(path)
        metadata = self.role(role)
        target = metadata.signed.targets[path]
        others = target.custom or {}
        target.unrecognized_fields["custom"] = {**others, CUSTOM_KEY: dict(custom)}
        self._stage(role, metadata)

    def describe(self, fields: Mapping[str, Any]) -> None:
        """Say something else of the feed."""
        text = json.dumps(fields, indent=2, ensure_ascii=False)
        self.put(DESCRIPTOR_PATH, text.encode(), fields)

    def remove(self, path: str) -> None:
        """Take a target back; its file stays, for whoever is fetching it."""
        role = self.role_for(path)
        metadata = self.role(role)
        metadata.signed.targets.pop(path, None)
        self._stage(role, metadata)

    def delegate(self, role: str, paths: list[str], keys: list[Key]) -> None:
        """Let a role of its own sign for some paths, all of its keys or a new one."""
        if role in {*COUNTS, *self.delegated}:
            raise FeedToolError(f"There is a role {role} already.")
        targets = self.role(Targets.type)
        if targets.signed.delegations is None:
            targets.signed.delegations = Delegations({}, {})
        roles = targets.signed.delegations.roles
        if roles is None:
            raise FeedToolError("This repository delegates by hash bins.")
        # Terminating: nobody else may release for these paths.
        roles[role] = DelegatedRole(
            role, [], max(len(keys), 1), terminating=True, paths=paths
        )
        for key in keys or [self._keys.make(role, offline=True).public_key]:
            targets.signed.add_key(key, role)
        mine = Metadata(Targets())
        for path in [path for path in targets.signed.targets if _is_of(path, paths)]:
            mine.signed.targets[path] = targets.signed.targets.pop(path)
        # First what would be missed: this alone nobody looks at.
        self._stage(role, mine, by=targets.signed)
        self._stage(Targets.type, targets)

    def renew(self, role: str) -> None:
        """Say the same for longer."""
        if role == Root.type:
            self._stage(role, self._root())
        else:
            self._stage(role, self.role(role))

    def rotate(self, role: str, lost: str | None) -> None:
        """Replace the keys of a role, or the one of them that was lost."""
        if role in self.delegated:
            targets = self.role(Targets.type)
            self._replace(targets.signed, role, list(self.delegated[role].keyids), lost)
            self._stage(Targets.type, targets)
        else:
            root = self._root()
            if role not in root.signed.roles:
                raise FeedToolError(f"There is no role {role} in this feed.")
            self._replace(root.signed, role, list(root.signed.roles[role].keyids), lost)
            self._stage(Root.type, root)
        if role not in {*ONLINE, Root.type}:
            self.renew(role)

    def _replace(
        self, signed: Root | Targets, role: str, before: list[str], lost: str | None
    ) -> None:
        gone = [key_id for key_id in before if lost is None or key_id.startswith(lost)]
        if not gone or (lost is not None and len(gone) > 1):
            raise FeedToolError(
                f"{role} has {len(gone)} keys whose id begins with {lost}; give more of"
                f" it. Its keys: {', '.join(before)}"
            )
        for key_id in gone:
            signed.revoke_key(key_id, role)
            made = self._keys.make(role, offline=role not in ONLINE)
            signed.add_key(made.public_key, role)

    # Signing and publishing.

    def sign(self) -> None:
        """Add the signatures of all keys that are here to what is staged."""
        for role in self.staged:
            metadata = self._staged_role(role)
            self._add_signatures(role, metadata)
            _write(self._staged / f"{role}.json", metadata.to_bytes())

    def missing(self) -> dict[str, str]:
        """Return which roles lack signatures, and how many each has of how many."""
        lacking = {}
        for role in [Root.type, Targets.type, *self.delegated]:
            counts = list(self._counts(role))
            if any(has < needs for has, needs in counts):
                told = " and ".join(f"{has} of {needs}" for has, needs in counts)
                lacking[role] = told
        return lacking

    def publish(
        self,
        *,
        snapshot_valid: timedelta = VALID[Snapshot.type],
        timestamp_valid: timedelta = VALID[Timestamp.type],
    ) -> list[str]:
        """Publish what is staged, and sign anew what machines sign.

        Data come before what names them, the timestamp is the last of all. Returns the
        names of the files in the order in which they were written.
        """
        if lacking := self.missing():
            raise FeedToolError(
                "Nothing was published. Signatures are missing: "
                + ", ".join(f"{role} has {told}" for role, told in lacking.items())
                + ". Whoever has another key runs nightlatch-feed sign."
            )
        now = self._clock()
        for name, until in self._for_all():
            if until <= now:
                raise FeedToolError(
                    f"Nothing was published. {name} is good until {until:{UNTIL}} only,"
                    f" and it is {now:{UNTIL}}: all households would refuse the feed."
                    f" nightlatch-feed renew {name} makes it good for longer."
                )
        written: list[str] = []

        def write(name: str, data: bytes) -> MetaFile:
            _write(self._metadata / name, data)
            written.append(name)
            return MetaFile.from_data(1, data, ["sha256"])

        before = self._metadata / "timestamp.json"
        timestamp = Timestamp()
        snapshot = Snapshot()
        if before.exists():
            timestamp = self._read(before, Timestamp).signed
            snapshot = self._published_snapshot(timestamp)
            timestamp.version += 1
            snapshot.version += 1
        for role in [Targets.type, *self.delegated]:
            metadata = self.role(role)
            version = metadata.signed.version
            data = self._path(role).read_bytes()
            if role in self.staged:
                write(f"{version}.{role}.json", data)
            listed = MetaFile.from_data(version, data, ["sha256"])
            snapshot.meta[f"{role}.json"] = listed
        snapshot.expires = now + snapshot_valid
        timestamp.expires = now + timestamp_valid
        # Before anything is written that only a later key can follow.
        signed_snapshot = self._signed_online(snapshot)
        timestamp.snapshot_meta = write(
            f"{snapshot.version}.snapshot.json", signed_snapshot
        )
        timestamp.snapshot_meta.version = snapshot.version
        signed_timestamp = self._signed_online(timestamp)
        if Root.type in self.staged:
            version = self._root().signed.version
            write(f"{version}.root.json", self._path(Root.type).read_bytes())
        write("timestamp.json", signed_timestamp)
        for role in self.staged:
            (self._staged / f"{role}.json").unlink()
        # Nobody fetches it; people are shown what holds.
        (current,) = self.targets.targets[DESCRIPTOR_PATH].get_prefixed_paths()
        for old in (self.feed / "targets").glob(f"*.{DESCRIPTOR_PATH}"):
            if old.name != current:
                old.unlink()
        return written

    # Inside.

    def _for_all(self) -> Iterator[tuple[str, datetime]]:
        """Yield what people sign for all releases, and until when it is good."""
        yield Root.type, self.root.expires
        yield Targets.type, self.targets.expires

    def _signed_online[T: (Snapshot, Timestamp)](self, signed: T) -> bytes:
        metadata = Metadata(signed)
        self._add_signatures(signed.type, metadata)
        root = self.root
        if not root.get_verification_result(
            signed.type, metadata.signed_bytes, metadata.signatures
        ):
            raise FeedToolError(
                f"The key of {signed.type} is in none of the folders for keys, so"
                " nothing can be published here."
            )
        return metadata.to_bytes()

    def _stage(
        self, role: str, metadata: AnyMetadata, *, by: Targets | None = None
    ) -> None:
        """Stage a role as changed now: whoever has signed it before must do so again.

        ``by`` are the targets that delegate to it, where those are not staged yet.
        """
        signed = metadata.signed
        published = self._published(role)
        if published is not None:
            signed.version = 1 + (
                self._read(published, Root).signed.version
                if role == Root.type
                else self._read(published, Targets).signed.version
            )
        signed.expires = self._clock() + VALID.get(role, _VALID_TARGETS)
        metadata.signatures.clear()
        self._add_signatures(role, metadata, by)
        _write(self._staged / f"{role}.json", metadata.to_bytes())

    def _add_signatures(
        self,
        role: str,
        metadata: AnyMetadata | Metadata[Snapshot] | Metadata[Timestamp],
        by: Targets | None = None,
    ) -> None:
        signed = metadata.signed
        # A new root is signed with the keys that it names, too.
        root = signed if isinstance(signed, Root) else self.root
        for key in self._keys_of(role, root, by):
            if key.keyid in metadata.signatures:
                continue
            if (signer := self._keys.signer(key)) is not None:
                metadata.sign(signer, append=True)

    def _keys_of(self, role: str, root: Root, by: Targets | None) -> list[Key]:
        """Return the keys that may sign for a role; of a root, those before it too."""
        if role not in COUNTS and (delegations := (by or self.targets).delegations):
            ids = (delegations.roles or {})[role].keyids
            return [delegations.keys[key_id] for key_id in ids]
        roots = [root]
        if role == Root.type and (previous := self._root_before(root)) is not None:
            roots.append(previous)
        keys = {
            key_id: each.keys[key_id]
            for each in roots
            for key_id in each.roles[role].keyids
        }
        return list(keys.values())

    def _counts(self, role: str) -> Iterator[tuple[int, int]]:
        """Yield how many good signatures a role has, and how many it needs."""
        metadata = self._root() if role == Root.type else self.role(role)
        delegators: list[Root | Targets] = [self.root]
        if role not in COUNTS:
            delegators = [self.targets]
        elif role == Root.type and (previous := self._root_before(self.root)):
            delegators.append(previous)
        for delegator in delegators:
            result = delegator.get_verification_result(
                role, metadata.signed_bytes, metadata.signatures
            )
            yield len(result.signed), result.threshold

    def _root_before(self, root: Root) -> Root | None:
        path = self._metadata / f"{root.version - 1}.root.json"
        return self._read(path, Root).signed if path.exists() else None

    def _root(self) -> Metadata[Root]:
        return self._read(self._path(Root.type), Root)

    def _staged_role(self, role: str) -> AnyMetadata:
        return self._root() if role == Root.type else self.role(role)

    def _path(self, role: str) -> Path:
        """Return where a role stands that is staged, or else published."""
        staged = self._staged / f"{role}.json"
        if staged.exists() and not self._published_only:
            return staged
        published = self._published(role)
        if published is None and self._published_only:
            raise FeedToolError(
                f"{role} is not published yet. nightlatch-feed publish does that."
            )
        return published or staged

    def _published(self, role: str) -> Path | None:
        if role == Root.type:
            path = self._published_root()
            return path if path.exists() else None
        timestamp = self._metadata / "timestamp.json"
        if not timestamp.exists():
            return None
        snapshot = self._published_snapshot(self._read(timestamp, Timestamp).signed)
        if f"{role}.json" not in snapshot.meta:
            return None
        return self._published_role(role, snapshot)

    def _published_root(self) -> Path:
        version = 1
        while (self._metadata / f"{version + 1}.root.json").exists():
            version += 1
        return self._metadata / f"{version}.root.json"

    def _published_snapshot(self, timestamp: Timestamp) -> Snapshot:
        name = f"{timestamp.snapshot_meta.version}.snapshot.json"
        return self._read(self._metadata / name, Snapshot).signed

    def _published_role(self, role: str, snapshot: Snapshot) -> Path:
        version = snapshot.meta[f"{role}.json"].version
        return self._metadata / f"{version}.{role}.json"

    @staticmethod
    def _read[T: (Root, Snapshot, Targets, Timestamp)](
        path: Path, kind: type[T]
    ) -> Metadata[T]:
        try:
            metadata = Metadata[T].from_bytes(path.read_bytes())
        except FileNotFoundError as err:
            raise FeedToolError(
                f"{path} is missing. Is this the folder of a feed? nightlatch-feed init"
                " makes one."
            ) from err
        except RepositoryError as err:
            raise FeedToolError(f"{path} is no TUF metadata.") from err
        if not isinstance(metadata.signed, kind):
            raise FeedToolError(f"{path} is the metadata of another role.")
        return metadata


def computer_clock() -> datetime:
    """Return the time, as precise as TUF writes it."""
    return datetime.now(UTC).replace(microsecond=0)


def _is_of(path: str, patterns: list[str]) -> bool:
    role = DelegatedRole("any", [], 1, terminating=True, paths=patterns)
    return role.is_delegated_path(path)


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        # Also where the power fails: what is named next must be there.
        os.fsync(file.fileno())
    new.replace(path)
