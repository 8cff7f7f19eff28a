"""What must not sink when a backup is restored: a small sealed record in every place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..records.stored import as_floor, as_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What was written down, and when in the order of all writing."""

    counter: int
    """Higher than that of every ledger that was there before."""
    at: datetime
    """Aware, UTC."""
    content: Mapping[str, Any]
    """JSON, of which the vault knows nothing."""

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "counter": self.counter,
            "at": self.at.isoformat(),
            "content": dict(self.content),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Ledger:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                counter=as_floor(raw["counter"]),
                at=as_time(raw["at"]),
                content=dict(raw["content"]),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not a ledger: {err!r}") from err
