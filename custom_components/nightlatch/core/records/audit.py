"""The audit log: who decided what, when, and what came of it; append-only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

type Detail = str | int | float | bool | datetime | list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry of the log."""

    number: int
    """From 1."""
    at: datetime
    """Aware, UTC."""
    event: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """The end of the log at some time: kept elsewhere it proves that nothing was cut off."""

    number: int
    """Of the last entry; 0 where there is none."""
    hash: str


class AuditDamage(StrEnum):
    """What is wrong at one place of the log."""

    CHANGED = "changed"
    """The entry is not the one that was written, or not the one that followed."""
    MISSING = "missing"
    """Entries before this one are gone."""
    UNREADABLE = "unreadable"
    """A line is no entry."""
    TORN = "torn"
    """The last line was cut by a power failure; not a sign of tampering by itself."""
    WENT_BACK = "went_back"
    """The log does not contain the end that it had before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFinding:
    """One thing that is wrong."""

    number: int
    """Of the entry; for a line that is none, the number that it would have."""
    damage: AuditDamage


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """Whether the log is what was written."""

    entries: int
    head: AuditHead
    findings: tuple[AuditFinding, ...] = ()
    """The first hundred at most."""

    @property
    def intact(self) -> bool:
        """Return whether nothing points to tampering; a torn last line does not."""
        return all(each.damage is AuditDamage.TORN for each in self.findings)


class AuditLog:
    """A file of hash-chained lines.

    ``append``, ``entries`` and ``verify`` block: they are for a thread. The ``async_``
    methods do the same from the loop, in the order in which they were called.
    """

    def __init__(
        self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Prepare; nothing is read or written yet."""
        raise NotImplementedError

    def append(self, event: str, /, **details: Detail) -> AuditEntry:
        """Add an entry; return when it is on disk. Raises ``OSError``.

        Long details are shortened; what is called like a secret is withheld.
        """
        raise NotImplementedError

    def entries(self, last: int = 100) -> tuple[AuditEntry, ...]:
        """Return the last entries that can be read, oldest first. Raises ``OSError``."""
        raise NotImplementedError

    def verify(self, anchor: AuditHead | None = None) -> AuditReport:
        """Read the whole log and check the chain. Raises ``OSError``.

        ``anchor`` is a head that the log had at some time, from where it was kept.
        """
        raise NotImplementedError

    async def async_append(self, event: str, /, **details: Detail) -> AuditEntry:
        """See ``append``."""
        raise NotImplementedError

    async def async_entries(self, last: int = 100) -> tuple[AuditEntry, ...]:
        """See ``entries``."""
        raise NotImplementedError

    async def async_verify(self, anchor: AuditHead | None = None) -> AuditReport:
        """See ``verify``."""
        raise NotImplementedError
