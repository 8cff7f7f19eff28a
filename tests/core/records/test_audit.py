"""What was written down stays as it was, or it is known that it does not."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
import errno
import hashlib
import json
import os
from pathlib import Path
import stat
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.records import audit as audit_module
from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_chain import (
    REPAIRED,
    AuditDamage,
    AuditEntry,
    AuditFinding,
    AuditHead,
)

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOTHING = AuditHead(number=0, hash="0" * 64)


class Clock:
    """Goes on by a minute each time that it is looked at."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.now = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture(name="path")
def path_of_the_log(tmp_path: Path) -> Path:
    """Return where the log lies."""
    return tmp_path / "audit.jsonl"


def written(path: Path, count: int = 5) -> AuditLog:
    """Return a log that has some entries."""
    log = AuditLog(path, Clock())
    for number in range(count):
        log.append("approved", version=f"1.{number}", person="somebody")
    return log


def findings(path: Path, anchor: AuditHead | None = None) -> list[tuple[int, str]]:
    """Return what is wrong with a log, read anew."""
    report = AuditLog(path).verify(anchor)
    return [(each.number, str(each.damage)) for each in report.findings]


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a log."""
    return path.read_bytes().splitlines(keepends=True)


def test_what_is_appended_is_given_back(path: Path) -> None:
    """Now and after a restart, oldest first."""
    log = AuditLog(path, Clock())
    assert log.entries() == ()
    assert log.head() == NOTHING
    assert log.verify().intact
    entry = log.append(
        "approved",
        lock="Front door",
        number=3,
        share=0.5,
        second_factor=True,
        nothing=None,
        overrides=["battery", "door"],
        at=NOON.astimezone(timezone(timedelta(hours=2))),
    )
    assert entry == AuditEntry(
        number=1,
        at=NOON + timedelta(minutes=1),
        event="approved",
        details={
            "lock": "Front door",
            "number": 3,
            "share": 0.5,
            "second_factor": True,
            "nothing": None,
            "overrides": ["battery", "door"],
            "at": "2026-11-25T14:00:00+02:00",
        },
    )
    second = log.append("installed")
    assert second.number == 2
    for each in (log, AuditLog(path)):
        assert each.entries() == (entry, second)
        assert each.entries(last=1) == (second,)
        assert each.entries(last=0) == ()
        assert each.entries(last=-3) == ()
        report = each.verify()
        assert (report.entries, report.findings, report.intact) == (2, (), True)
        assert report.head == each.head()


def test_the_chain_is_what_is_said_of_it(path: Path) -> None:
    """Computed here once more, from the words of the module."""
    written(path)
    before = bytes(32)
    for number, line in enumerate(lines_of(path), start=1):
        content = json.loads(line)
        told = bytes.fromhex(content.pop("hash"))
        raw = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
        assert hashlib.sha256(before + raw).digest() == told
        assert content["n"] == number
        assert content.keys() == {"n", "at", "event", "details"}
        before = told
    assert AuditLog(path).head() == AuditHead(number=5, hash=before.hex())


def test_it_goes_on_after_a_restart(path: Path) -> None:
    """One chain, however often it was opened."""
    for number in range(5):
        assert AuditLog(path, Clock()).append("event").number == number + 1
    assert AuditLog(path).verify().intact


def test_nobody_else_may_read_it(path: Path) -> None:
    """Also where somebody has opened it to all."""
    before = os.umask(0)
    try:
        written(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    AuditLog(path).append("event")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# Tampering.


@given(data=st.data())
@settings(max_examples=300)
def test_any_byte_changed_is_noticed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Anywhere, to anything; in the last entry with a head that was kept."""
    path = tmp_path_factory.mktemp("log") / "audit.jsonl"
    head = written(path).head()
    raw = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    report = AuditLog(path).verify(head)
    if position == len(raw) - 1:
        # The end of the last line: as a power failure may leave it.
        assert report.findings
    else:
        assert not report.intact


@given(data=st.data())
@settings(max_examples=200)
def test_any_rearrangement_is_noticed(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Entries taken out, doubled, moved, or cut off."""
    path = tmp_path_factory.mktemp("log") / "audit.jsonl"
    head = written(path).head()
    lines = lines_of(path)
    order = data.draw(st.lists(st.integers(0, 4), max_size=8))
    path.write_bytes(b"".join(lines[number] for number in order))
    report = AuditLog(path).verify(head)
    if order == [0, 1, 2, 3, 4]:
        assert report.findings == ()
    else:
        assert not report.intact
    # Without that head only a clean cut goes unnoticed.
    if order != list(range(len(order))):
        assert not AuditLog(path).verify().intact


def test_what_was_changed_is_named(path: Path) -> None:
    """By the number of the entry."""
    written(path)
    lines = lines_of(path)
    path.write_bytes(b"".join(lines).replace(b"1.2", b"9.9"))
    assert findings(path) == [(3, AuditDamage.CHANGED)]
    path.write_bytes(b"".join((*lines[:2], *lines[3:])))
    assert findings(path) == [(4, AuditDamage.MISSING)]
    path.write_bytes(b"".join((*lines[:2], b"?\n", *lines[3:])))
    assert findings(path) == [(3, AuditDamage.UNREADABLE)]
    path.write_bytes(b"".join((*lines, lines[4])))
    assert findings(path) == [(5, AuditDamage.MISSING)]
    path.write_bytes(b"".join((lines[0], b"\n", *lines[1:])))
    assert findings(path) == [(2, AuditDamage.UNREADABLE)]
    # The same entry written in another way.
    path.write_bytes(b"".join((lines[0].replace(b":", b": ", 1), *lines[1:])))
    assert findings(path) == [(1, AuditDamage.CHANGED)]
    path.write_bytes(b"?\n" * 200)
    assert findings(path) == [(1, AuditDamage.UNREADABLE)]


def test_an_entry_made_anew_with_its_hash_shows_in_the_next(path: Path) -> None:
    """Whoever changes one has to write all later ones anew."""
    log = written(path)
    head = log.head()
    first, *rest = lines_of(path)
    other = path.with_name("other")
    AuditLog(other, Clock()).append("approved", version="9.9", person="nobody")
    assert other.read_bytes() != first
    path.write_bytes(other.read_bytes() + b"".join(rest))
    assert findings(path) == [(2, AuditDamage.CHANGED)]
    # Who does write them anew is found out by a head that was kept elsewhere.
    other.unlink()
    forged = AuditLog(other, Clock())
    for number in range(5):
        forged.append("approved", version=f"1.{number}", person="nobody")
    other.rename(path)
    assert findings(path) == []
    assert findings(path, head) == [(5, AuditDamage.WENT_BACK)]


def test_an_older_log_is_known_to_be_older(path: Path) -> None:
    """As after a backup was restored; what is written since is kept, whatever it is."""
    log = written(path)
    older = path.read_bytes()
    head = log.append("installed")
    anchor = log.head()
    assert anchor.number == head.number == 6
    path.write_bytes(older)
    assert findings(path, anchor) == [(6, AuditDamage.WENT_BACK)]
    assert findings(path) == []
    # The log itself notices that it was replaced, and goes on from what is there.
    assert log.append("restored").number == 6
    assert findings(path, anchor) == [(6, AuditDamage.WENT_BACK)]
    assert findings(path, log.head()) == []
    path.unlink()
    assert findings(path, anchor) == [(6, AuditDamage.WENT_BACK)]
    assert log.append("restored").number == 1
    # Every earlier head is a good one for what has come since.
    assert findings(path, NOTHING) == []


def test_it_goes_on_after_tampering(path: Path) -> None:
    """The finding stays, and nothing new is wrong."""
    written(path)
    path.write_bytes(path.read_bytes().replace(b"1.2", b"9.9"))
    log = AuditLog(path)
    assert log.append("event").number == 6
    assert findings(path) == [(3, AuditDamage.CHANGED)]
    path.write_bytes(b"".join(lines_of(path)[:5]) + b"rubbish\n")
    assert findings(path) == [(3, AuditDamage.CHANGED), (6, AuditDamage.UNREADABLE)]
    assert log.append("event").number == 6
    assert findings(path) == [(3, AuditDamage.CHANGED), (6, AuditDamage.UNREADABLE)]


def test_only_so_many_findings_are_told(path: Path) -> None:
    """The first hundred, and that it went back before all."""
    log = written(path, 300)
    head = log.head()
    path.write_bytes(b"".join(lines_of(path)[::2]))
    told = findings(path, head)
    assert len(told) <= 101
    assert told[0] == (300, AuditDamage.WENT_BACK)
    assert told[1] == (3, AuditDamage.MISSING)


# Power failures.


@pytest.mark.parametrize("cut", range(1, 240, 7))
def test_a_torn_last_line_is_told_and_lost_no_other(path: Path, cut: int) -> None:
    """Wherever it was cut."""
    written(path)
    whole = path.read_bytes()
    *before, last = lines_of(path)
    cut = min(cut, len(last))
    path.write_bytes(whole[:-cut])
    log = AuditLog(path, Clock())
    if cut == len(last):
        assert findings(path) == []
    elif cut == 1:
        # All of it but its end: that is an entry.
        assert findings(path) == []
        assert log.append("event").number == 6
        assert findings(path) == []
        assert len(log.entries()) == 6
        return
    else:
        assert findings(path) == [(5, AuditDamage.TORN)]
        assert log.verify().intact
    assert len(log.entries()) == 4
    entry = log.append("event")
    assert path.read_bytes().startswith(whole[:-cut])
    told = log.entries()
    assert log.verify().intact
    if cut == len(last):
        assert (entry.number, findings(path)) == (5, [])
        return
    assert findings(path) == [(5, AuditDamage.TORN)]
    assert (entry.number, [each.event for each in told[4:]]) == (6, [REPAIRED, "event"])
    assert told[4].details["bytes"] == len(last) - cut
    assert log.append("event").number == 7
    assert findings(path) == [(5, AuditDamage.TORN)]
    # What was torn is part of what is proven, too.
    raw, start = path.read_bytes(), len(b"".join(before))
    path.write_bytes(raw[:start] + b"other" + raw[start + len(last) - cut :])
    assert not AuditLog(path).verify().intact


def test_torn_again_while_that_is_told(path: Path) -> None:
    """The note of the torn line is torn itself."""
    written(path, 2)
    path.write_bytes(path.read_bytes()[:-20])
    AuditLog(path, Clock()).append("event")
    path.write_bytes(b"".join(lines_of(path)[:3])[:-20])
    assert findings(path) == [(2, AuditDamage.TORN)]
    log = AuditLog(path, Clock())
    log.append("event")
    assert findings(path) == [(2, AuditDamage.TORN)]
    assert log.verify().intact
    assert [each.event for each in log.entries()] == ["approved", REPAIRED, "event"]


@pytest.mark.parametrize("rest", [b"\0" * 5000, b"\0" * 600_000, b"\xff{", b"{}", b"7"])
def test_whatever_a_disk_leaves_at_the_end(path: Path, rest: bytes) -> None:
    """Zeros of a file system that had made room, also more than a line may have."""
    written(path, 2)
    with path.open("ab") as file:
        file.write(rest)
    assert findings(path) == [(3, AuditDamage.TORN)]
    log = AuditLog(path, Clock())
    log.append("event")
    assert [each.number for each in log.entries()] == [1, 2, 3, 4]
    assert findings(path) == [(3, AuditDamage.TORN)]


class _Os:
    """``os``, of which some functions do something else."""

    def __init__(self, **others: Callable[..., Any]) -> None:
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


@pytest.mark.parametrize("part", [0, 10])
@pytest.mark.parametrize("step", ["write", "fsync"])
@pytest.mark.parametrize("takes_back", [True, False])
def test_what_cannot_be_written_is_told_and_leaves_the_log_as_it_was(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: int,
    step: str,
    takes_back: bool,
) -> None:
    """A full disk may take some of it; where not even that can be undone, it is torn."""
    log = written(path, 2)
    before = path.read_bytes()

    def refuse(descriptor: int, data: bytes = b"") -> int:
        if part and data:
            os.write(descriptor, data[:part])
        raise OSError(errno.ENOSPC, "refused")

    def refuse_too(_: int, __: int) -> None:
        raise OSError(errno.ENOSPC, "refused")

    broken = _Os(**{step: refuse})
    if not takes_back:
        broken.__dict__["ftruncate"] = refuse_too
    monkeypatch.setattr(audit_module, "os", broken)
    with pytest.raises(OSError, match="refused"):
        log.append("event")
    monkeypatch.undo()
    if takes_back:
        assert path.read_bytes() == before
    assert path.read_bytes().startswith(before)
    log.append("event")
    assert log.verify().intact
    assert log.entries()[-1].event == "event"
    assert [each.event for each in log.entries()][:2] == ["approved", "approved"]


def test_it_is_on_disk_when_it_is_said_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file, and at first its name too."""
    synced = []

    def fsync(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append("folder" if stat.S_ISDIR(found.st_mode) else "file")
        if synced[-1] == "file":
            assert path.read_bytes().endswith(b"\n")

    monkeypatch.setattr(audit_module, "os", _Os(fsync=fsync))
    log = AuditLog(path, Clock())
    log.append("event")
    assert synced == ["file", "folder"]
    log.append("event")
    assert synced == ["file", "folder", "file"]


def test_writes_may_come_in_pieces(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system likes it."""
    monkeypatch.setattr(
        audit_module, "os", _Os(write=lambda fd, data: os.write(fd, data[:7]))
    )
    written(path)
    assert AuditLog(path).verify().intact


# Bounds.

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.datetimes(timezones=st.just(UTC))
)


@given(
    event=st.text(),
    details=st.dictionaries(st.text(), scalars | st.lists(st.text())),
)
@settings(max_examples=150)
def test_whatever_is_appended_can_be_read_and_verified(
    event: str, details: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Texts of any characters, numbers of any size."""
    path = tmp_path_factory.mktemp("log") / "audit.jsonl"
    log = AuditLog(path, Clock())
    entry = log.append(event, **details)
    assert AuditLog(path).entries() == (entry,)
    assert AuditLog(path).verify().findings == ()


def test_details_are_bounded(path: Path) -> None:
    """However much somebody tells; what is cut shows that it is."""
    log = AuditLog(path, Clock())
    long = log.append("e" * 500, text="🔒" * 5000, big=10**4000, small=-(10**300))
    assert len(long.event) == 100
    assert long.details["text"] == "🔒" * 1000 + "…"
    assert long.details["small"] == -(10**300) or isinstance(long.details["small"], str)
    many = log.append(
        "event", **{f"d{n}{'x' * 99}": ["🔒" * 999] * 99 for n in range(99)}
    )
    assert len(many.details) == 32
    assert all(len(name) <= 64 for name in many.details)
    assert all(len(line) < 256 * 1024 for line in lines_of(path))
    assert log.verify().findings == ()
    assert AuditLog(path).entries() == (long, many)
    nan = log.append("event", nan=float("nan"), inf=float("inf"))
    assert nan.details == {"nan": "nan", "inf": "inf"}
    assert log.verify().findings == ()


def test_secrets_are_withheld(path: Path) -> None:
    """What is called like one does not get into the file."""
    log = AuditLog(path)
    entry = log.append(
        "event", code="123456", passphrase="hunter2", Token="t", PIN=7, codes_used=3
    )
    assert entry.details == {
        "code": "(withheld)",
        "passphrase": "(withheld)",
        "Token": "(withheld)",
        "PIN": "(withheld)",
        "codes_used": 3,
    }
    assert b"hunter2" not in path.read_bytes()


def test_what_is_given_at_once_is_bounded(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number and by size."""
    log = written(path, 30)
    monkeypatch.setattr(audit_module, "MAX_ENTRIES", 20)
    assert [each.number for each in log.entries(last=1000)] == list(range(11, 31))
    monkeypatch.setattr(audit_module, "_MAX_READ", 1000)
    given_now = log.entries(last=1000)
    assert 2 <= len(given_now) <= 6
    assert given_now[-1].number == 30


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda p: p.symlink_to("/dev/zero")]
)
def test_what_is_no_file_is_refused(path: Path, make: Callable[[Path], None]) -> None:
    """At once, and it is not written to."""
    make(path)
    log = AuditLog(path)
    for work in (log.verify, log.entries, log.head, lambda: log.append("event")):
        with pytest.raises(OSError, match=r"."):
            work()


# From the loop.


async def test_from_the_loop(path: Path) -> None:
    """In the order in which it was called."""
    log = AuditLog(path, Clock())
    entries = await asyncio.gather(
        *(log.async_append("event", number=number) for number in range(20))
    )
    assert [entry.details["number"] for entry in entries] == list(range(20))
    assert [entry.number for entry in entries] == list(range(1, 21))
    assert await log.async_entries(last=3) == tuple(entries[-3:])
    head = await log.async_head()
    assert head.number == 20
    report = await log.async_verify(head)
    assert (report.entries, report.intact) == (20, True)
    report = await log.async_verify(AuditHead(number=21, hash="0" * 64))
    assert report.findings == (AuditFinding(number=21, damage=AuditDamage.WENT_BACK),)
