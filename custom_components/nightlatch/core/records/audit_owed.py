"""Entries of the audit log that are not on disk yet, in the order in which they happened."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from .audit import AuditLog, Detail

MOST: Final = 1000
"""How many are kept in memory; of what comes then only the number is told."""
LEFT_OUT: Final = "entries_left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    at: datetime
    event: str
    details: Mapping[str, Detail]


class OwedEntries:
    """What a disk that refuses has not taken: it is written with what comes next."""

    def __init__(self) -> None:
        """Begin with none."""
        self._entries: deque[_Owed] = deque()
        self._left_out = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries) + self._left_out

    def add(self, at: datetime, event: str, details: Mapping[str, Detail]) -> None:
        """Take one; ``at`` is aware."""
        if len(self._entries) < MOST:
            self._entries.append(_Owed(at=at, event=event, details=details))
        else:
            self._left_out += 1

    def write_to(self, log: AuditLog) -> None:
        """Write them, oldest first; raise ``OSError``. It blocks: for a thread.

        Each is owed until it is on disk, whoever waits for that.
        """
        while self._entries:
            owed = self._entries[0]
            log.append_of(owed.at, owed.event, owed.details)
            self._entries.popleft()
        if left_out := self._left_out:
            log.append(LEFT_OUT, entries=left_out)
            self._left_out -= left_out
