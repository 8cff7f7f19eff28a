"""What the vault keeps of one artifact, besides its bytes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
import re
from typing import Any

from ..records.stored import as_text, as_time, as_whole

_DIGEST = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What an artifact is: the name that its encryption is bound to.

    A blob that was sealed for one binding opens for no other. Raises ``ValueError``
    where the digest is none or a text cannot be encoded.
    """

    vendor: str
    model: str
    version: str
    sha256: str
    """Of the artifact's bytes; 64 hexadecimal digits, lower case."""

    def __post_init__(self) -> None:
        """Refuse what could not be told apart afterwards."""
        if not _DIGEST.match(self.sha256):
            raise ValueError(f"{self.sha256!r} is no SHA-256")
        self.canonical()

    @property
    def label(self) -> str:
        """Return how people call it."""
        return f"{self.model} {self.version}"

    def canonical(self) -> bytes:
        """Return the one encoding of this: each part with its length in front.

        So no two bindings have the same one, whatever their parts contain.
        """
        parts = (self.vendor, self.model, self.version, self.sha256)
        return b"".join(
            len(raw).to_bytes(4) + raw for raw in (part.encode() for part in parts)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One artifact in the vault; raises ``ValueError`` for a size or time that is none."""

    binding: Binding
    size: int
    """Bytes of the artifact."""
    kept_at: datetime
    """Aware, UTC."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """What is needed to install it again: JSON, of which the vault knows nothing."""

    def __post_init__(self) -> None:
        """Refuse what could not be read again."""
        if self.kept_at.tzinfo is None:
            raise ValueError(f"{self.kept_at} has no time zone")
        if self.size < 0:
            raise ValueError(f"{self.size} is no size")

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "vendor": self.binding.vendor,
            "model": self.binding.model,
            "version": self.binding.version,
            "sha256": self.binding.sha256,
            "size": self.size,
            "kept_at": self.kept_at.isoformat(),
            "about": dict(self.about),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Kept:
        """Read what ``to_dict`` gave; raise ``ValueError`` where it is anything else."""
        try:
            return cls(
                binding=Binding(
                    vendor=as_text(raw["vendor"]),
                    model=as_text(raw["model"]),
                    version=as_text(raw["version"]),
                    sha256=as_text(raw["sha256"]),
                ),
                size=as_whole(raw["size"]),
                kept_at=as_time(raw["kept_at"]),
                about=dict(raw["about"]),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise ValueError(f"Not what the vault keeps: {err!r}") from err
