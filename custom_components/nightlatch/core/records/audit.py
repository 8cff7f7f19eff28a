"""The audit log: who decided what, when, and what came of it; append-only.

One file of hash-chained lines (``audit_chain.py``).
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
import errno
from functools import partial
import hashlib
from math import isfinite
import os
from pathlib import Path
import stat
import threading
from typing import Any, Final

from ..disk import DiskFile
from .audit_chain import (
    REPAIRED,
    AuditEntry,
    AuditHead,
    AuditReport,
    ChainCheck,
    End,
    Line,
    hash_of,
    line_of,
    parse,
)

type Detail = str | int | float | bool | datetime | list[str] | None

MAX_ENTRIES: Final = 10_000
"""How many entries are given at once."""

_MAX_EVENT = 100
_MAX_DETAILS = 32
_MAX_NAME = 64
_MAX_TEXT = 1000
_MAX_TEXTS = 8000
"""Characters of all texts of an entry together."""
_MAX_ITEMS = 32
# More than the longest entry that is ever written: a character has up to 12 bytes.
_MAX_LINE = 256 * 1024
_MAX_READ = 8 * 1024 * 1024
_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_SECRETS = {"code", "key", "otp", "passphrase", "password", "pin", "secret", "token"}
_WITHHELD = "(withheld)"


class AuditLog:
    """A file of hash-chained lines.

    ``append``, ``entries`` and ``verify`` block: they are for a thread. The ``async_``
    methods do the same from the loop, in the order in which they were called; whoever
    waits for one may be cancelled, and it is done to its end all the same.
    """

    def __init__(
        self, path: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Prepare; nothing is read or written yet. ``clock`` gives aware times."""
        self._path = path
        self._clock = clock
        self._end: End | None = None
        """None while it has to be read."""
        self._lock = threading.Lock()
        self._file = DiskFile(path)

    def append(self, event: str, /, **details: Detail) -> AuditEntry:
        """Add an entry; return when it is on disk. Raises ``OSError``.

        Long details are shortened; what is called like a secret is withheld.
        """
        with self._lock:
            # Until it is on disk nobody knows where the log ends.
            end, self._end = self._current(), None
            lines = b"" if end.finished else b"\n"
            if end.junk is not None and not end.finished:
                end, line, _ = self._next(end, REPAIRED, end.junk.note())
                lines += line
            end, line, entry = self._next(end, event[:_MAX_EVENT], _bounded(details))
            size = self._write(lines + line)
            self._end = replace(end, size=size)
        return entry

    def entries(self, last: int = 100) -> tuple[AuditEntry, ...]:
        """Return the last entries that can be read, oldest first. Raises ``OSError``.

        At most 10,000, and no more than fit into 8 MiB.
        """
        kept: deque[tuple[AuditEntry, int]] = deque()
        size = 0
        with self._lock:
            for line in self._lines():
                if (read := parse(line)) is None:
                    continue
                kept.append((read.entry, line.length))
                size += line.length
                while len(kept) > min(max(last, 0), MAX_ENTRIES) or size > _MAX_READ:
                    size -= kept.popleft()[1]
        return tuple(entry for entry, _ in kept)

    def head(self) -> AuditHead:
        """Return the end of the log, to be kept elsewhere. Raises ``OSError``."""
        with self._lock:
            self._end = self._current()
            return self._end.head

    def verify(self, anchor: AuditHead | None = None) -> AuditReport:
        """Read the whole log and check the chain. Raises ``OSError``.

        ``anchor`` is a head that the log had at some time, from where it was kept.
        """
        with self._lock:
            check = self._check(anchor)
        return AuditReport(
            entries=check.entries,
            head=check.end.head,
            findings=tuple(check.findings),
        )

    async def async_append(self, event: str, /, **details: Detail) -> AuditEntry:
        """See ``append``."""
        return await self._file.in_thread(partial(self.append, event, **details))

    async def async_entries(self, last: int = 100) -> tuple[AuditEntry, ...]:
        """See ``entries``."""
        return await self._file.in_thread(partial(self.entries, last))

    async def async_head(self) -> AuditHead:
        """See ``head``."""
        return await self._file.in_thread(self.head)

    async def async_verify(self, anchor: AuditHead | None = None) -> AuditReport:
        """See ``verify``."""
        return await self._file.in_thread(partial(self.verify, anchor))

    def _next(
        self, end: End, event: str, details: dict[str, Any]
    ) -> tuple[End, bytes, AuditEntry]:
        """Return the end after another entry, and the entry and its line."""
        entry = AuditEntry(
            number=end.head.number + 1,
            at=self._clock().astimezone(UTC),
            event=event,
            details=details,
        )
        digest = hash_of(end.head.hash, entry)
        end = End(head=AuditHead(number=entry.number, hash=digest))
        return end, line_of(entry, digest) + b"\n", entry

    def _current(self) -> End:
        """Return where the log ends; read it where that is not known."""
        if self._end is not None:
            with suppress(FileNotFoundError):
                if self._path.lstat().st_size == self._end.size:
                    return self._end
        return self._check(None).end

    def _check(self, anchor: AuditHead | None) -> ChainCheck:
        check = ChainCheck(anchor)
        for line in self._lines():
            check.take(line)
        check.finish()
        return check

    def _lines(self) -> Iterator[Line]:
        """Yield what is in the file, of each line no more than fits into memory."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | _FLAGS)
        except FileNotFoundError:
            return
        with os.fdopen(descriptor, "rb") as file:
            _refuse_other_than_files(descriptor)
            while raw := file.readline(_MAX_LINE):
                length, rest = len(raw), raw
                digest = hashlib.sha256(raw.removesuffix(b"\n"))
                while not rest.endswith(b"\n") and (rest := file.readline(_MAX_LINE)):
                    length += len(rest)
                    digest.update(rest.removesuffix(b"\n"))
                yield Line(
                    text=raw.removesuffix(b"\n") if length == len(raw) else None,
                    length=length,
                    digest=digest.digest(),
                    ended=rest.endswith(b"\n"),
                )

    def _write(self, lines: bytes) -> int:
        """Add to the file, or leave it as it is; return its size."""
        is_new = not self._path.exists()
        descriptor = os.open(
            self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _FLAGS, 0o600
        )
        try:
            _refuse_other_than_files(descriptor)
            before = os.fstat(descriptor)
            if stat.S_IMODE(before.st_mode) & 0o077:
                os.fchmod(descriptor, 0o600)
            try:
                left = memoryview(lines)
                while left:
                    left = left[os.write(descriptor, left) :]
                os.fsync(descriptor)
            except OSError:
                # What cannot be taken back is a torn line, which the next entry tells.
                with suppress(OSError):
                    os.ftruncate(descriptor, before.st_size)
                raise
        finally:
            os.close(descriptor)
        if is_new:
            _make_name_durable(self._path.parent)
        return before.st_size + len(lines)


def _bounded(details: Mapping[str, Detail]) -> dict[str, Any]:
    """Return details of which no entry becomes too long, and none is a secret."""
    left = _MAX_TEXTS

    def shortened(value: object) -> str:
        nonlocal left
        text = str(value)
        most = min(_MAX_TEXT, left)
        left -= min(len(text), most)
        return text if len(text) <= most else f"{text[:most]}…"

    def bounded(value: Detail) -> object:
        match value:
            case None | bool():
                return value
            case int():
                # Python writes no number of thousands of digits in tens.
                return value if abs(value) < 1 << 64 else shortened(hex(value))
            case float() if isfinite(value):
                return value
            case list():
                return [shortened(each) for each in value[:_MAX_ITEMS]]
            case datetime():
                return value.isoformat()
        return shortened(value)

    return {
        name[:_MAX_NAME]: _WITHHELD if name.lower() in _SECRETS else bounded(value)
        for name, value in list(details.items())[:_MAX_DETAILS]
    }


def _refuse_other_than_files(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _make_name_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
