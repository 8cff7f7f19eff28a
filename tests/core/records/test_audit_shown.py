"""An audit log that is shown to somebody: whatever was done to it, they find it."""

from collections.abc import Callable
import json
from pathlib import Path
import pickle
import subprocess
import sys
import textwrap

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_chain import REPAIRED
from custom_components.nightlatch.core.records.audit_checkpoint import parse_checkpoint
from custom_components.nightlatch.core.records.audit_export import EVERY

from .audit_logs import (
    KEY,
    NOON,
    OTHER_KEY,
    Clock,
    asked,
    chained,
    exported,
    kept,
    log_of,
    wrong,
)

COUNT = 9
# Of the line in an export that has an entry: a checkpoint stands first.
FIFTH = 5


@pytest.fixture(name="lines")
def lines_of_an_export(tmp_path: Path) -> list[bytes]:
    """Return an export of nine entries, line by line."""
    return exported(log_of(tmp_path / "audit", COUNT)).splitlines(keepends=True)


def test_an_export_is_whole(tmp_path: Path) -> None:
    """With the key that was noted, and any checkpoint that was kept."""
    log = log_of(tmp_path / "audit", 4)
    early = kept(log)
    for _ in range(3):
        log.append("event")
    told = asked(tmp_path / "export", exported(log), early, "--key", KEY.public)
    assert told[0] == 0
    assert "WHOLE: entries 1 to 7" in told[1]
    assert KEY.public in told[1]
    for said in ((), (kept(log),), (kept(log).upper(),), (early.replace("-", ""),)):
        assert asked(tmp_path / "export", exported(log), *said)[0] == 0


def test_an_export_of_nothing(tmp_path: Path) -> None:
    """It is signed as well."""
    log = AuditLog(tmp_path / "audit", Clock())
    assert wrong(exported(log)) == []


def test_a_long_log_is_signed_on_the_way(tmp_path: Path) -> None:
    """Each five hundred entries, and at its end."""
    log = log_of(tmp_path / "audit", 2 * EVERY + 1)
    points = [parse_checkpoint(line) for line in exported(log).splitlines()]
    numbers = [point.number for point in points if point is not None]
    assert numbers == [0, EVERY, 2 * EVERY, 2 * EVERY + 1]
    assert all(point.is_genuine for point in points if point is not None)
    assert wrong(exported(log)) == []


def changed(lines: list[bytes]) -> list[bytes]:
    """Another version in the fifth entry."""
    lines[FIFTH] = lines[FIFTH].replace(b"1.5", b"9.9")
    return lines


def changed_with_its_hash(lines: list[bytes]) -> list[bytes]:
    """And its hash made anew."""
    before = json.loads(lines[FIFTH - 1])["hash"]
    content = json.loads(changed(lines)[FIFTH])
    return [*lines[:FIFTH], *chained([content], before), *lines[FIFTH + 1 :]]


def changed_with_all_hashes(lines: list[bytes]) -> list[bytes]:
    """And all later ones."""
    before = json.loads(lines[FIFTH - 1])["hash"]
    contents = [json.loads(line) for line in changed(lines)[FIFTH:-1]]
    return [*lines[:FIFTH], *chained(contents, before), lines[-1]]


def signed_by_another(lines: list[bytes]) -> list[bytes]:
    """And the last checkpoint signed by whoever did it."""
    lines = changed_with_all_hashes(lines)
    digest = json.loads(lines[-2])["hash"]
    return [*lines[:-1], OTHER_KEY.sign(COUNT, digest, NOON).line()]


def deleted(lines: list[bytes]) -> list[bytes]:
    """The fifth entry is gone."""
    return lines[:FIFTH] + lines[FIFTH + 1 :]


def first_deleted(lines: list[bytes]) -> list[bytes]:
    """The first entry is gone."""
    return [lines[0], *lines[2:]]


def beginning_cut_off(lines: list[bytes]) -> list[bytes]:
    """The first entries, and the checkpoint before them."""
    return lines[FIFTH:]


def beginning_signed_by_another(lines: list[bytes]) -> list[bytes]:
    """As if the household itself had let them go."""
    digest = json.loads(lines[FIFTH - 1])["hash"]
    return [OTHER_KEY.sign(FIFTH - 1, digest, NOON).line(), *lines[FIFTH:]]


def swapped(lines: list[bytes]) -> list[bytes]:
    """The fifth and the sixth."""
    lines[FIFTH], lines[FIFTH + 1] = lines[FIFTH + 1], lines[FIFTH]
    return lines


def doubled(lines: list[bytes]) -> list[bytes]:
    """The fifth stands there twice."""
    return [*lines[: FIFTH + 1], *lines[FIFTH:]]


def inserted(lines: list[bytes]) -> list[bytes]:
    """Something of somebody's own, that fits the one before it."""
    content = {"n": FIFTH, "at": NOON.isoformat(), "event": "approved", "details": {}}
    before = json.loads(lines[FIFTH - 1])["hash"]
    return [*lines[:FIFTH], *chained([content], before), *lines[FIFTH:]]


def junk_inserted(lines: list[bytes]) -> list[bytes]:
    """Something that is nothing."""
    return [*lines[:FIFTH], b"{}\n", *lines[FIFTH:]]


def end_cut_off(lines: list[bytes]) -> list[bytes]:
    """The last two entries, and the checkpoint at the end."""
    return lines[:-3]


def end_cut_off_before_the_checkpoint(lines: list[bytes]) -> list[bytes]:
    """The last two entries only."""
    return [*lines[:-3], lines[-1]]


def cut_in_the_middle_of_a_line(lines: list[bytes]) -> list[bytes]:
    """As by a copy that was broken off."""
    return [*lines[:-2], lines[-2][:40]]


def appended(lines: list[bytes]) -> list[bytes]:
    """An entry that nobody has signed for."""
    content = {"n": COUNT + 1, "at": NOON.isoformat(), "event": "e", "details": {}}
    before = json.loads(lines[-2])["hash"]
    return [*lines, *chained([content], before)]


def two_writers(lines: list[bytes]) -> list[bytes]:
    """Two have gone on from the fourth entry, and somebody has put both together."""
    before = json.loads(lines[FIFTH - 1])["hash"]
    own = [
        {"n": n, "at": NOON.isoformat(), "event": "other", "details": {}}
        for n in (FIFTH, FIFTH + 1)
    ]
    first, second = chained(own, before)
    return [*lines[: FIFTH + 1], first, lines[FIFTH + 1], second, *lines[FIFTH + 2 :]]


TAMPERED: list[tuple[Callable[[list[bytes]], list[bytes]], str]] = [
    (changed, "line 6 (entry 5): is not what was written here"),
    (changed_with_its_hash, "line 7 (entry 6): is not what was written here"),
    (changed_with_all_hashes, "line 11 (checkpoint at entry 9): does not fit"),
    (signed_by_another, "line 11 (checkpoint at entry 9): is not signed"),
    (deleted, "line 6 (entry 6): what stood before it is missing, from 5 on"),
    (first_deleted, "line 2 (entry 2): what stood before it is missing, from 1 on"),
    (beginning_cut_off, "line 1 (entry 5): the checkpoint that stands first is"),
    (beginning_signed_by_another, "line 1 (checkpoint at entry 4): is not signed"),
    (swapped, "line 6 (entry 6): what stood before it is missing, from 5 on"),
    (doubled, "line 7 (entry 5): stands twice"),
    (inserted, "line 7 (entry 5): stands twice"),
    (junk_inserted, "line 6: is neither an entry nor a checkpoint"),
    (end_cut_off, "after entry 7: it is cut off"),
    (end_cut_off_before_the_checkpoint, "line 9 (checkpoint at entry 9): does not"),
    (cut_in_the_middle_of_a_line, "line 10: is cut off"),
    (appended, "after entry 10: it is cut off"),
    (two_writers, "line 7 (entry 5): stands twice"),
]


@pytest.mark.parametrize(
    ("tamper", "where"), TAMPERED, ids=[each.__name__ for each, _ in TAMPERED]
)
def test_whatever_was_done_is_found_where_it_was_done(
    tamper: Callable[[list[bytes]], list[bytes]],
    where: str,
    lines: list[bytes],
    tmp_path: Path,
) -> None:
    """By the script alone, with the key that the owner has noted."""
    content = b"".join(tamper(lines))
    code, told = asked(tmp_path / "export", content, "--key", KEY.public)
    assert code == 1
    assert told.startswith(where) or f"\n{where}" in told


def test_an_old_export_is_no_new_one(tmp_path: Path) -> None:
    """It is whole, but a checkpoint that was kept since is not in it."""
    log = log_of(tmp_path / "audit", 5)
    old = exported(log)
    log.append("event")
    code, told = asked(tmp_path / "export", old, kept(log))
    assert code == 1
    assert "it ends at entry 5, but entry 6 was there" in told


def test_a_backup_that_was_gone_on_with_is_found(tmp_path: Path) -> None:
    """Its entries have the numbers of others that were told of."""
    log = log_of(tmp_path / "audit", 5)
    older = (tmp_path / "audit").read_bytes()
    log.append("event")
    told = kept(log)
    (tmp_path / "audit").write_bytes(older)
    for _ in range(4):
        log.append("something else")
    assert wrong(exported(log)) == []
    code, said = asked(tmp_path / "export", exported(log), told)
    assert code == 1
    assert "entry 6 is not the one that the checkpoint was kept of" in said


@pytest.mark.parametrize("text", ["12", "x:0123", "3:0123", "", "9:" + "0" * 31])
def test_what_is_no_checkpoint_is_said_to_be_none(text: str, tmp_path: Path) -> None:
    """A slip of the pen does not count as proof."""
    content = exported(log_of(tmp_path / "audit", COUNT))
    if text:
        assert any("is no checkpoint" in each for each in wrong(content, text))
    else:
        assert wrong(content, text) == []


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_any_byte_that_is_changed_is_found(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Anywhere, to anything, without the key or a checkpoint."""
    content = bytearray(_one_export(tmp_path_factory))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assert wrong(bytes(content))


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_whatever_is_cut_out_or_put_in_is_found(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any bytes, anywhere."""
    content = _one_export(tmp_path_factory)
    begin = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(begin, len(content)))
    put_in = data.draw(st.binary(max_size=20))
    other = content[:begin] + put_in + content[end:]
    assert (wrong(other) == []) is (other == content)


_EXPORTS: list[bytes] = []


def _one_export(factory: pytest.TempPathFactory) -> bytes:
    if not _EXPORTS:
        log = log_of(factory.mktemp("log") / "audit", 5)
        _EXPORTS.append(exported(log))
    return _EXPORTS[0]


# What the product does itself.


def test_a_log_that_was_changed_is_not_signed(tmp_path: Path) -> None:
    """Else whoever changes it would have it certified."""
    path = tmp_path / "audit"
    log_of(path, 5)
    path.write_bytes(path.read_bytes().replace(b"1.2", b"9.9"))
    assert AuditLog(path).export(KEY) is None


_CRASH = """
    import os
    from pathlib import Path
    import sys
    from custom_components.nightlatch.core.records import audit

    class Dying:
        def __getattr__(self, name):
            return getattr(os, name)

        def write(self, descriptor, data):
            os.write(descriptor, data[: len(data) // 2])
            os._exit(7)

    audit.os = Dying()
    audit.AuditLog(Path(sys.argv[1])).append("approved", version="2.0")
"""
_WRITER = """
    from pathlib import Path
    import sys
    from custom_components.nightlatch.core.records.audit import AuditLog

    log = AuditLog(Path(sys.argv[1]))
    for number in range(10):
        log.append("event", number=number)
"""
_ROOT = Path(__file__).parents[3]


def _program(text: str, path: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(text), str(path)], cwd=_ROOT
    )


def test_a_program_that_dies_while_it_writes(tmp_path: Path) -> None:
    """Half a line is left; the log goes on, says so in itself, and can be shown."""
    path = tmp_path / "audit"
    log = log_of(path, 3)
    assert _program(_CRASH, path).wait(60) == 7
    assert not path.read_bytes().endswith(b"\n")
    torn = len(path.read_bytes().splitlines()[-1])
    assert wrong(exported(log)) == []
    log = AuditLog(path, Clock())
    log.append("event")
    told = log.entries()
    assert [each.event for each in told[3:]] == [REPAIRED, "event"]
    assert told[3].details["bytes"] == torn
    assert log.verify().intact
    assert asked(tmp_path / "export", exported(log))[0] == 0


def test_two_programs_may_write_at_once(tmp_path: Path) -> None:
    """Each waits for the other, and there is one chain."""
    path = tmp_path / "audit"
    programs = [_program(_WRITER, path) for _ in range(2)]
    assert [each.wait(100) for each in programs] == [0, 0]
    report = AuditLog(path).verify()
    assert (report.entries, report.findings) == (20, ())


def test_another_program_that_never_ends_its_turn_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it for long."""
    monkeypatch.setattr(
        "custom_components.nightlatch.core.records.audit._PATIENCE", 0.1
    )
    path = tmp_path / "audit"
    log, other = log_of(path, 1), AuditLog(path)
    with other._alone(), pytest.raises(BlockingIOError):
        log.append("event")
    log.append("event")
    assert log.verify().entries == 2


def test_a_key_shows_nothing_of_itself() -> None:
    """Only which one it is."""
    assert repr(KEY) == f"<AuditKey {KEY.public}>"
    with pytest.raises(TypeError, match="not kept"):
        pickle.dumps(KEY)
