"""The chain of the audit log: its lines, and whether they are what was written.

Each line is JSON: number, time, event, details, and a hash. The hash is SHA-256 over the
hash of the entry before (as bytes; 32 zero bytes for the first) and the canonical JSON
of the rest (keys sorted, no blanks, ASCII). So whoever changes, removes, adds or moves
an entry has to write all later ones anew; and where a head of the log was kept
elsewhere, not even that goes unnoticed.

A power failure may cut the last line. It stays as it is: the entry after it is a note
that names the digest of the torn bytes.

Where the oldest entries were cut off, the first line is a signed checkpoint
(``audit_checkpoint.py``) at the last of them, and the chain goes on from there.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
import hashlib
import json
from typing import Any, Final

from .audit_checkpoint import Checkpoint, canonical, parse_checkpoint
from .stored import as_text, as_time, as_whole

REPAIRED: Final = "log_repaired"
"""The event of the note after a torn line."""

_MAX_FINDINGS = 100


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
    """64 hexadecimal digits."""


class AuditDamage(StrEnum):
    """What is wrong at one place of the log."""

    CHANGED = "changed"
    """The entry is not the one that was written, or not the one that followed."""
    MISSING = "missing"
    """Entries before this one are gone, or it stands where it did not."""
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
    """The first hundred; that the log went back is told first."""
    base: Checkpoint | None = None
    """At the last entry that was cut off, if any was."""

    @property
    def intact(self) -> bool:
        """Return whether nothing points to tampering; a torn last line does not."""
        return _is_intact(self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the file."""

    text: bytes | None
    """Without its end; None where it is too long for an entry."""
    length: int
    """Bytes, with its end."""
    digest: bytes
    """SHA-256, without its end."""
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """A line that is an entry."""

    entry: AuditEntry
    hash: str
    exact: bool
    """Whether it stands there as it would be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Junk:
    """Lines since the last entry that are none."""

    lines: int
    length: int
    digest: str
    """Over the digests of the lines."""

    def note(self) -> dict[str, Any]:
        """Return what the entry after them says of them."""
        return {"bytes": self.length, "sha256": self.digest}


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """Where the log ends."""

    head: AuditHead
    finished: bool = True
    """Whether the last line has its end."""
    junk: _Junk | None = None
    size: int = 0
    """Bytes of the file."""


class ChainCheck:
    """Follows the chain, line by line."""

    def __init__(self, anchor: AuditHead | None, key: str | None = None) -> None:
        """Begin before the first line; ``anchor`` has to come by.

        ``key`` is the public key that a cut has to be signed with; any will do where it
        is not known yet.
        """
        self.entries = 0
        self.base: Checkpoint | None = None
        self.findings: list[AuditFinding] = []
        self.end = End(head=AuditHead(number=0, hash=bytes(32).hex()))
        self._anchor = anchor
        self._anchored = anchor is None or anchor == self.end.head
        self._key = key

    def take(self, line: Line) -> None:
        """Check the next line."""
        if (
            self.end.size == 0
            and line.ended
            and (base := parse_checkpoint(line.text)) is not None
        ):
            self._begin_at(base, line.length)
            return
        size = self.end.size + line.length
        if (read := parse(line)) is None:
            self.end = replace(
                self.end,
                finished=line.ended,
                junk=_joined(self.end.junk, line),
                size=size,
            )
            return
        self.entries += 1
        self._compare(read)
        head = AuditHead(number=read.entry.number, hash=read.hash)
        self._anchored = self._anchored or head == self._anchor
        self.end = End(head=head, finished=line.ended, size=size)

    @property
    def intact(self) -> bool:
        """Return whether nothing that was found until now points to tampering."""
        return _is_intact(self.findings)

    def finish(self) -> None:
        """Say what only the end tells."""
        if self.end.junk is not None:
            torn = not self.end.finished
            self._find(1, AuditDamage.TORN if torn else AuditDamage.UNREADABLE)
        if not self._anchored and self._anchor is not None:
            self.findings.insert(
                0,
                AuditFinding(number=self._anchor.number, damage=AuditDamage.WENT_BACK),
            )

    def _begin_at(self, base: Checkpoint, size: int) -> None:
        """Go on after what was cut off, if the household itself has done that."""
        head = AuditHead(number=base.number, hash=base.hash)
        self.base = base
        self.end = End(head=head, size=size)
        if not base.is_cut or self._key not in (None, base.key):
            self._find(0, AuditDamage.CHANGED)
        elif self._anchor is not None:
            # What was cut off was signed for, an older end with it.
            self._anchored |= self._anchor.number < base.number or self._anchor == head

    def _compare(self, read: ReadLine) -> None:
        entry, junk = read.entry, self.end.junk
        step = entry.number - self.end.head.number
        follows = (
            step == 1 and read.exact and read.hash == hash_of(self.end.head.hash, entry)
        )
        if junk is not None:
            if follows and entry.event == REPAIRED and entry.details == junk.note():
                self._find(1, AuditDamage.TORN)
                return
            self._find(1, AuditDamage.UNREADABLE)
            if read.exact and step == junk.lines + 1:
                # What it follows cannot be read, so neither can its hash be checked.
                return
        if step != 1:
            self._find(step, AuditDamage.MISSING)
        elif not follows:
            self._find(step, AuditDamage.CHANGED)

    def _find(self, step: int, damage: AuditDamage) -> None:
        if len(self.findings) < _MAX_FINDINGS:
            number = self.end.head.number + step
            self.findings.append(AuditFinding(number=number, damage=damage))


def _is_intact(findings: Iterable[AuditFinding]) -> bool:
    return all(each.damage is AuditDamage.TORN for each in findings)


def _joined(junk: _Junk | None, line: Line) -> _Junk:
    before = "" if junk is None else junk.digest
    # Its end is not part of it: a torn line gets one before the next entry.
    content = line.text if line.text is not None else line.digest
    digest = hashlib.sha256(before.encode() + b"\n" + content).hexdigest()
    return _Junk(
        lines=1 if junk is None else junk.lines + 1,
        length=line.length - line.ended + (0 if junk is None else junk.length),
        digest=digest,
    )


def parse(line: Line) -> ReadLine | None:
    """Return the entry of a line; None where it is none."""
    if line.text is None:
        return None
    try:
        raw = json.loads(line.text)
        entry = AuditEntry(
            number=as_whole(raw["n"]),
            at=as_time(raw["at"]),
            event=as_text(raw["event"]),
            details=dict(raw["details"]),
        )
        digest = bytes.fromhex(as_text(raw["hash"])).hex()
        exact = line_of(entry, digest) == line.text
    except KeyError, RecursionError, TypeError, ValueError:
        return None
    return ReadLine(entry=entry, hash=digest, exact=exact)


def hash_of(before: str, entry: AuditEntry) -> str:
    """Return the hash of an entry that follows one with the hash ``before``."""
    return hashlib.sha256(
        bytes.fromhex(before) + canonical(_content(entry))
    ).hexdigest()


def line_of(entry: AuditEntry, digest: str) -> bytes:
    """Return the line of an entry, without its end."""
    return canonical({**_content(entry), "hash": digest})


def _content(entry: AuditEntry) -> dict[str, Any]:
    return {
        "n": entry.number,
        "at": entry.at.isoformat(),
        "event": entry.event,
        "details": dict(entry.details),
    }
