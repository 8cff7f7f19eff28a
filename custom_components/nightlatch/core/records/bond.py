"""What a lock is paired with: one adapter or proxy, and no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .stored import as_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """A bond that was made over one adapter or proxy."""

    source: str
    """What the house knows the adapter or proxy by."""
    name: str
    """What people call it."""

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {"source": self.source, "name": self.name}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Bond:
        """Read what ``to_dict`` gave; raises what ``stored`` raises, or ``KeyError``."""
        return cls(source=as_text(raw["source"]), name=as_text(raw["name"]))
