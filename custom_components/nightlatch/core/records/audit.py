"""The audit log: who decided what, when, and what came of it; append-only.

One file of hash-chained lines (``audit_chain.py``). Whoever else writes it at the same
time waits: a file beside it says whose turn it is.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
import errno
import fcntl
from functools import partial
import hashlib
from math import isfinite
import os
from pathlib import Path
import shutil
import stat
import threading
import time
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
from .audit_checkpoint import AuditKey
from .audit_cut import MOST_BYTES, SHORTENED, Cut, cut_of
from .audit_export import AuditExport, export_of

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
# Seconds that another program may write.
_PATIENCE = 10.0
_PAUSE = 0.02
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


class AuditLog:
    """A file of hash-chained lines.

    All but the ``async_`` methods block: they are for a thread. The ``async_`` ones do the same from the loop, in the order in which they were called; whoever
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
        self._file_id = 0
        """Of the file that ends there: another may have taken its place."""
        self._lock = threading.Lock()
        self._file = DiskFile(path)

    def append(self, event: str, /, **details: Detail) -> AuditEntry:
        """Add an entry; return when it is on disk. Raises ``OSError``.

        Long details are shortened; what is called like a secret is withheld.
        """
        return self.append_of(self._clock(), event, details)

    def append_of(
        self, at: datetime, event: str, details: Mapping[str, Detail]
    ) -> AuditEntry:
        """Add an entry of what has happened at a moment; see ``append``."""
        with self._lock, self._alone():
            return self._append(event, details, at)

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

    def verify(
        self, anchor: AuditHead | None = None, key: str | None = None
    ) -> AuditReport:
        """Read the whole log and check the chain. Raises ``OSError``.

        ``anchor`` is a head that the log had at some time, from where it was kept;
        ``key`` the public key that a cut has to be signed with.
        """
        with self._lock:
            check = self._check(anchor, key)
        return AuditReport(
            entries=check.entries,
            head=check.end.head,
            findings=tuple(check.findings),
            base=check.base,
        )

    def export(self, key: AuditKey) -> AuditExport | None:
        """Return what can be shown; None where the log is not what was written.

        Raises ``OSError``.
        """
        with self._lock:
            return export_of(self._lines(), key, self._clock())

    def shorten(
        self, key: AuditKey, before: datetime | None, most: int = MOST_BYTES
    ) -> Cut | None:
        """Cut off what is older, or too much, behind a signed checkpoint.

        Return what was cut off, if anything. Raises ``OSError``.
        """
        with self._lock, self._alone():
            now = self._clock()
            cut = cut_of(
                self._lines(), before=before, now=now, most=most, key=key.public
            )
            if cut is None:
                return None
            self._end = None
            base = key.sign_cut(cut.head.number, cut.head.hash, now)
            self._begin_with(base.line(), cut.offset)
            self._append(SHORTENED, {"entries": cut.entries, "last": base.number}, now)
        return cut

    def sign_anew(self, key: AuditKey) -> None:
        """Sign the checkpoint over what was cut off with a new key. Raises ``OSError``."""
        with self._lock, self._alone():
            check = self._check(None)
            if (base := check.base) is None or not check.intact:
                return
            self._end = None
            signed = key.sign_cut(base.number, base.hash, self._clock())
            self._begin_with(signed.line(), len(base.line()))

    def mentions(self, text: str) -> int:
        """Return how many entries have a text among their details. Raises ``OSError``."""
        with self._lock:
            return sum(
                read is not None and text in read.entry.details.values()
                for read in map(parse, self._lines())
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

    async def async_verify(
        self, anchor: AuditHead | None = None, key: str | None = None
    ) -> AuditReport:
        """See ``verify``."""
        return await self._file.in_thread(partial(self.verify, anchor, key))

    async def async_export(self, key: AuditKey) -> AuditExport | None:
        """See ``export``."""
        return await self._file.in_thread(partial(self.export, key))

    async def async_shorten(
        self, key: AuditKey, before: datetime | None, most: int = MOST_BYTES
    ) -> Cut | None:
        """See ``shorten``."""
        return await self._file.in_thread(partial(self.shorten, key, before, most))

    async def async_sign_anew(self, key: AuditKey) -> None:
        """See ``sign_anew``."""
        await self._file.in_thread(partial(self.sign_anew, key))

    async def async_mentions(self, text: str) -> int:
        """See ``mentions``."""
        return await self._file.in_thread(partial(self.mentions, text))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other program from writing; raise ``OSError`` if one takes long."""
        beside = self._path.with_name(f"{self._path.name}.turn")
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
        try:
            _wait_for_turn(descriptor)
            yield
        finally:
            # It is given back with it.
            os.close(descriptor)

    def _append(
        self, event: str, details: Mapping[str, Detail], at: datetime
    ) -> AuditEntry:
        # Until it is on disk nobody knows where the log ends.
        end, self._end = self._current(), None
        lines = b"" if end.finished else b"\n"
        if end.junk is not None and not end.finished:
            end, line, _ = self._next(end, self._clock(), REPAIRED, end.junk.note())
            lines += line
        end, line, entry = self._next(end, at, event[:_MAX_EVENT], _bounded(details))
        size, self._file_id = self._write(lines + line)
        self._end = replace(end, size=size)
        return entry

    def _begin_with(self, line: bytes, offset: int) -> None:
        """Let the file begin with a line, and go on with what stands at an offset."""
        beside = self._path.with_name(f"{self._path.name}.shorter")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS
        try:
            with (
                os.fdopen(os.open(self._path, os.O_RDONLY | _FLAGS), "rb") as old,
                os.fdopen(os.open(beside, flags, 0o600), "wb") as new,
            ):
                new.write(line)
                old.seek(offset)
                shutil.copyfileobj(old, new)
                new.flush()
                os.fsync(new.fileno())
            beside.replace(self._path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        _make_name_durable(self._path.parent)

    def _next(
        self, end: End, at: datetime, event: str, details: dict[str, Any]
    ) -> tuple[End, bytes, AuditEntry]:
        """Return the end after another entry, and the entry and its line."""
        entry = AuditEntry(
            number=end.head.number + 1,
            at=at.astimezone(UTC),
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
                found = self._path.lstat()
                if (found.st_size, found.st_ino) == (self._end.size, self._file_id):
                    return self._end
        end = self._check(None).end
        with suppress(FileNotFoundError):
            self._file_id = self._path.lstat().st_ino
        return end

    def _check(self, anchor: AuditHead | None, key: str | None = None) -> ChainCheck:
        check = ChainCheck(anchor, key)
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

    def _write(self, lines: bytes) -> tuple[int, int]:
        """Add to the file, or leave it as it is; return its size, and which it is."""
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
        return before.st_size + len(lines), before.st_ino


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


def _wait_for_turn(descriptor: int) -> None:
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        except OSError as err:
            # A file system that knows no turns has one writer, as there was before.
            if err.errno not in _NO_LOCKS:
                raise
            return
        else:
            return


def _refuse_other_than_files(descriptor: int) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _make_name_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
