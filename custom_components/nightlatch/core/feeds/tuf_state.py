"""What a TUF client has just come to trust, read from where it keeps it.

``tuf.ngclient.Updater`` does not tell which metadata it trusts, but it writes them to
its directory once it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
import json
from pathlib import Path
import shutil
from typing import Final
from urllib.parse import quote

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp

from ..records.trust import FeedFloor, RoleFloor
from .transfer import Limits, count_values

_MOST_OF_KEYS: Final = 16 * 1024
"""Characters of the ids of all keys of a role: they are kept with its floor, for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedState:
    """The versions and expiry dates of the four top-level roles."""

    floor: FeedFloor
    expires: Mapping[str, datetime]
    files: frozenset[str]
    """The names of all metadata that sign for targets, as the snapshot has them."""

    def expired(self, now: datetime) -> str | None:
        """Return a role that has expired, or ``None``."""
        for role, expires in self.expires.items():
            if now >= expires:
                return role
        return None


def tidy(directory: Path, limits: Limits) -> bool:
    """Delete what is cached if it is more than one look at a feed may bring.

    Each file has come within the limits, but not all with the same look. Returns
    whether it was; raises ``OSError``.
    """
    size = values = 0
    for path in directory.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        size += path.stat().st_size
        if size <= limits.metadata:
            values += count_values(path.read_bytes())
        if size > limits.metadata or values > limits.values:
            shutil.rmtree(directory)
            return True
    return False


def prune(directory: Path, state: TrustedState) -> None:
    """Delete what nothing names any more; raise ``OSError``.

    What is left of roles that are gone, and of writing that was cut off.
    """
    wanted = {f"{role}.json" for role in (Root.type, Timestamp.type, Snapshot.type)}
    for name in state.files:
        role = name.removesuffix(".json")
        # As tuf writes it.
        wanted.add(f"{quote(role, '')}.json")
    for path in directory.iterdir():
        if path.name not in wanted and not path.is_dir():
            path.unlink()


def read_state(directory: Path) -> TrustedState:
    """Read the metadata that the last refresh has left in its directory.

    Raises ``OSError`` or ``tuf.api.exceptions.RepositoryError``.
    """
    root = Metadata[Root].from_bytes((directory / "root.json").read_bytes()).signed
    snapshot = (
        Metadata[Snapshot].from_bytes((directory / "snapshot.json").read_bytes()).signed
    )
    signed: dict[str, Signed] = {
        Timestamp.type: Metadata[Timestamp]
        .from_bytes((directory / "timestamp.json").read_bytes())
        .signed,
        Snapshot.type: snapshot,
        Targets.type: Metadata[Targets]
        .from_bytes((directory / "targets.json").read_bytes())
        .signed,
    }

    for each in (root, *signed.values()):
        # JSON's true is a number to Python, but not to whoever keeps it.
        if isinstance(each.version, bool):
            raise RepositoryError(f"The version of {each.type} is no number")

    def floor(role: str) -> RoleFloor:
        if len(json.dumps(root.roles[role].keyids)) > _MOST_OF_KEYS:
            raise RepositoryError(f"The keys of {role} are too many")
        return RoleFloor(
            version=signed[role].version,
            key_ids=frozenset(root.roles[role].keyids),
        )

    return TrustedState(
        floor=FeedFloor(
            root=root.version,
            timestamp=floor(Timestamp.type),
            snapshot=floor(Snapshot.type),
            targets=floor(Targets.type),
        ),
        expires={
            Root.type: root.expires,
            **{role: metadata.expires for role, metadata in signed.items()},
        },
        files=frozenset(snapshot.meta),
    )
