"""What a TUF client has just come to trust, read from where it keeps it.

``tuf.ngclient.Updater`` does not tell which metadata it trusts, but it writes them to
its directory once it does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp

from ..records.trust import FeedFloor, RoleFloor


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedState:
    """The versions and expiry dates of the four top-level roles."""

    floor: FeedFloor
    expires: Mapping[str, datetime]

    def expired(self, now: datetime) -> str | None:
        """Return a role that has expired, or ``None``."""
        for role, expires in self.expires.items():
            if now >= expires:
                return role
        return None


def read_state(directory: Path) -> TrustedState:
    """Read the metadata that the last refresh has left in its directory.

    Raises ``OSError`` or ``tuf.api.exceptions.RepositoryError``.
    """
    root = Metadata[Root].from_bytes((directory / "root.json").read_bytes()).signed
    signed: dict[str, Signed] = {
        Timestamp.type: Metadata[Timestamp]
        .from_bytes((directory / "timestamp.json").read_bytes())
        .signed,
        Snapshot.type: Metadata[Snapshot]
        .from_bytes((directory / "snapshot.json").read_bytes())
        .signed,
        Targets.type: Metadata[Targets]
        .from_bytes((directory / "targets.json").read_bytes())
        .signed,
    }

    def floor(role: str) -> RoleFloor:
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
    )
