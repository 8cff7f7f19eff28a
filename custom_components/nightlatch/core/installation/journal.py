"""The journal: what a running installation is about to do, on disk before it does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..model import Origin, Purpose, Source
from ..preflight.situation import Bolt
from ..records.stored import as_text, as_time, as_truth, optional
from .states import TOUCHED, State


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One installation that is under way. Times are aware, UTC."""

    attempt: str
    """What tells one installation from all others."""
    lock_id: str
    name: str
    address: str
    feed_id: str
    model: str
    version: str
    """What the lock is being brought to."""
    sha256: str
    """Of the artifact."""
    origin: Origin
    started: datetime
    from_version: str
    window_end: datetime | None = None
    """When the quiet hours end that it runs in; None where none bind."""
    state: State = State.PLANNED
    touched: bool = False
    """Whether the transfer had begun, also where it began anew since."""
    bolt_before: Bolt | None = None
    """Where the bolt was before; None where nothing is linked that knows."""
    activated: bool = False
    """Whether the lock was about to be told to start the new firmware."""
    trial: bool = False
    """Whether the lock goes back by itself from what it was not told to keep."""
    purpose: Purpose = Purpose.UPDATE
    source: Source = Source.FEED
    """Where the artifact comes from."""

    @property
    def may_run_anything(self) -> bool:
        """Whether the lock was touched, and may run anything, or nothing."""
        return self.touched or self.state in TOUCHED

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "attempt": self.attempt,
            "lock_id": self.lock_id,
            "name": self.name,
            "address": self.address,
            "feed_id": self.feed_id,
            "model": self.model,
            "version": self.version,
            "sha256": self.sha256,
            "origin": self.origin,
            "started": self.started.isoformat(),
            "from_version": self.from_version,
            "window_end": self.window_end.isoformat() if self.window_end else None,
            "state": self.state,
            "touched": self.touched,
            "bolt_before": self.bolt_before,
            "activated": self.activated,
            "trial": self.trial,
            "purpose": self.purpose,
            "source": self.source,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> JournalEntry:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            bolt = optional(as_text, raw["bolt_before"])
            return cls(
                attempt=as_text(raw["attempt"]),
                lock_id=as_text(raw["lock_id"]),
                name=as_text(raw["name"]),
                address=as_text(raw["address"]),
                feed_id=as_text(raw["feed_id"]),
                model=as_text(raw["model"]),
                version=as_text(raw["version"]),
                sha256=as_text(raw["sha256"]),
                origin=Origin(raw["origin"]),
                started=as_time(raw["started"]),
                from_version=as_text(raw["from_version"]),
                window_end=optional(as_time, raw["window_end"]),
                state=State(raw["state"]),
                # Entries of earlier versions do not have it.
                touched=as_truth(raw.get("touched", False)),
                bolt_before=None if bolt is None else Bolt(bolt),
                activated=as_truth(raw.get("activated", False)),
                trial=as_truth(raw.get("trial", False)),
                purpose=Purpose(raw.get("purpose", Purpose.UPDATE)),
                source=Source(raw.get("source", Source.FEED)),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not an entry of the journal: {err!r}") from err


class Journal(Protocol):
    """Keeps the entry of the installation that runs; there is one at most."""

    async def write(self, entry: JournalEntry) -> None:
        """Put the entry in the place of the last one; return when it is on disk.

        Raises ``OSError``.
        """

    async def clear(self) -> None:
        """Drop the entry: what it tells of has ended, and that is kept elsewhere.

        Raises ``OSError``.
        """
