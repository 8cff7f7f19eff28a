"""How long the audit log is kept, how much it grows, and who is forgotten in it."""

from datetime import datetime, timedelta
import json
from pathlib import Path

import pytest

from custom_components.nightlatch.core.records import audit_cut
from custom_components.nightlatch.core.records.audit import AuditLog, Detail
from custom_components.nightlatch.core.records.audit_chain import (
    AuditDamage,
    AuditFinding,
)
from custom_components.nightlatch.core.records.audit_checkpoint import (
    parse_checkpoint,
    short_form,
)
from custom_components.nightlatch.core.records.audit_cut import MOST_BYTES, SHORTENED
from custom_components.nightlatch.core.records.pseudonyms import Pseudonyms

from .audit_logs import KEY, NOON, OTHER_KEY, Clock, exported, kept, log_of, wrong

DAY = timedelta(days=1)


def daily(path: Path, days: int) -> tuple[AuditLog, Clock]:
    """Return a log with an entry a day."""
    clock = Clock(NOON, DAY)
    log = AuditLog(path, clock)
    for number in range(days):
        log.append("event", number=number)
    return log, clock


def test_what_is_older_goes_behind_a_signed_checkpoint(tmp_path: Path) -> None:
    """The chain goes on, in the numbers as well, and what is left can be shown."""
    log, clock = daily(tmp_path / "audit", 10)
    early, late = kept(log_of(tmp_path / "other", 3)), kept(log)
    before = {each.number: each for each in log.entries()}
    cut = log.shorten(KEY, NOON + 5 * DAY)
    assert cut is not None
    assert (cut.head.number, cut.entries) == (4, 4)
    *rest, note = log.entries()
    assert rest == [before[number] for number in range(5, 11)]
    assert (note.number, note.event) == (11, SHORTENED)
    assert note.details == {"entries": 4, "last": 4}
    report = AuditLog(tmp_path / "audit").verify(key=KEY.public)
    assert (report.findings, report.entries) == ((), 7)
    assert report.base is not None
    assert (report.base.number, report.base.is_cut) == (4, True)
    assert AuditLog(tmp_path / "audit", clock).append("event").number == 12
    assert wrong(exported(log)) == []
    assert wrong(exported(log), late) == []
    assert (
        "of which the checkpoint was kept, is not in it"
        in wrong(exported(log), early)[0]
    )
    # Again, from there on.
    cut = log.shorten(KEY, NOON + 8 * DAY)
    assert cut is not None
    assert (cut.head.number, cut.entries) == (7, 3)
    assert wrong(exported(log)) == []


def test_nothing_goes_that_need_not(tmp_path: Path) -> None:
    """Nor is there a note of it; a note of a cut makes for no other one."""
    log, clock = daily(tmp_path / "audit", 3)
    raw = (tmp_path / "audit").read_bytes()
    assert log.shorten(KEY, None) is None
    assert log.shorten(KEY, NOON) is None
    assert (tmp_path / "audit").read_bytes() == raw
    assert log.shorten(KEY, clock.now + DAY / 2) is not None
    assert [each.event for each in log.entries()] == [SHORTENED]
    for _ in range(3):
        assert log.shorten(KEY, clock.now + 2 * DAY) is None
    assert AuditLog(tmp_path / "nothing").shorten(KEY, None) is None


def test_what_a_wrong_clock_has_dated_keeps_nothing_back(tmp_path: Path) -> None:
    """An entry of the far future is no young one."""
    clock = Clock(NOON, DAY)
    log = AuditLog(tmp_path / "audit", clock)
    log.append("event")
    clock.now += 1000 * DAY
    log.append("event")
    clock.now -= 1000 * DAY
    log.append("event")
    # It was written before the third one, of which more is not known.
    early = log.shorten(KEY, NOON + 2.5 * DAY)
    assert early is not None
    assert early.head.number == 1
    late = log.shorten(KEY, NOON + 3.5 * DAY)
    assert late is not None
    assert late.head.number == 3


def test_a_clock_that_was_put_back_lets_nothing_go(tmp_path: Path) -> None:
    """A computer without one of its own begins in the past, where all is still to come."""
    path = tmp_path / "audit"
    log, clock = daily(path, 10)
    clock.now -= 300 * DAY
    assert log.shorten(KEY, clock.now - 31 * DAY) is None
    log.append("event")
    assert log.shorten(KEY, clock.now - 31 * DAY) is None
    assert len(log.entries()) == 11


def test_a_checkpoint_that_was_shown_lets_nobody_cut(tmp_path: Path) -> None:
    """It leaves the house with each export; whoever has one has no key by that."""
    path = tmp_path / "audit"
    log, _ = daily(path, 10)
    head = log.head()
    last = exported(log).splitlines(keepends=True)[-1]
    path.write_bytes(last)
    report = AuditLog(path).verify(head, KEY.public)
    assert AuditFinding(number=10, damage=AuditDamage.CHANGED) in report.findings
    assert AuditLog(path).export(KEY) is None


def test_a_log_that_was_changed_is_not_cut(tmp_path: Path) -> None:
    """It would be gone what tells of it."""
    path = tmp_path / "audit"
    log, _ = daily(path, 10)
    raw = path.read_bytes().replace(b'"number":3', b'"number":9')
    path.write_bytes(raw)
    assert log.shorten(KEY, NOON + 5 * DAY) is None
    assert path.read_bytes() == raw


def test_a_beginning_that_somebody_else_has_cut_off_is_found(tmp_path: Path) -> None:
    """With no checkpoint, with one of their own, or with one that does not fit."""
    path = tmp_path / "audit"
    log, _ = daily(path, 10)
    head = log.head()
    lines = path.read_bytes().splitlines(keepends=True)
    fifth = json.loads(lines[4])["hash"]

    def found(first: bytes) -> list[AuditFinding]:
        path.write_bytes(first + b"".join(lines[5:]))
        report = AuditLog(path).verify(head, KEY.public)
        return list(report.findings)

    changed = AuditFinding(number=5, damage=AuditDamage.CHANGED)
    genuine = KEY.sign_cut(5, fifth, NOON).line()
    assert found(genuine) == []
    assert found(b"") == [AuditFinding(number=6, damage=AuditDamage.MISSING)]
    assert found(OTHER_KEY.sign_cut(5, fifth, NOON).line()) == [changed]
    assert found(genuine.replace(b'"n":5', b'"n":4'))[0].number in {4, 5}
    assert found(KEY.sign_cut(5, "00" * 32, NOON).line()) == [
        AuditFinding(number=6, damage=AuditDamage.CHANGED)
    ]
    # Only at the beginning there may be one.
    path.write_bytes(b"".join((*lines[:5], genuine, *lines[5:])))
    assert not AuditLog(path).verify(key=KEY.public).intact
    # An end that it had before the cut is signed for; one after it has to be there.
    path.write_bytes(genuine + b"".join(lines[5:9]))
    report = AuditLog(path).verify(head, KEY.public)
    assert [each.damage for each in report.findings] == [AuditDamage.WENT_BACK]


def test_a_cut_is_signed_anew_with_a_new_key(tmp_path: Path) -> None:
    """Where the old one is lost; nothing else changes."""
    path = tmp_path / "audit"
    log, _ = daily(path, 10)
    whole = path.read_bytes()
    log.sign_anew(OTHER_KEY)
    assert path.read_bytes() == whole
    log.shorten(KEY, NOON + 5 * DAY)
    before = log.entries()
    assert not log.verify(key=OTHER_KEY.public).intact
    log.sign_anew(OTHER_KEY)
    assert log.verify(key=OTHER_KEY.public).findings == ()
    assert log.entries() == before
    assert wrong(exported(log, OTHER_KEY)) == []


def test_a_cut_that_cannot_be_written_leaves_the_log_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing beside it."""
    path = tmp_path / "audit"
    log, _ = daily(path, 10)
    raw = path.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(OSError, match="No space"):
            log.shorten(KEY, NOON + 5 * DAY)
    assert path.read_bytes() == raw
    assert not list(tmp_path.glob("*.shorter"))
    assert log.append("event").number == 11
    assert log.verify().findings == ()


# Growth.

LOCKS = 30
# An installation ends, and where a person has approved it that is an entry too.
ENTRIES = ("approved", "installation_ended")


def a_year(path: Path, each: int, per_lock: int) -> AuditLog:
    """Return a log after a year in which each lock was installed on so often."""
    step = timedelta(days=365) / (each * per_lock * len(ENTRIES))
    clock = Clock(NOON, step)
    log = AuditLog(path, clock)
    for number in range(each * per_lock):
        about: dict[str, Detail] = {
            "lock": f"01JD{number % each:022d}",
            "sha256": f"{number:064x}",
            "second_factor": True,
            "overrides": ["battery", "door"],
        }
        log.append("approved", user="person-" + "0" * 24, version="1.2.3", **about)
        log.append(
            "installation_ended",
            attempt=f"{number:032x}",
            outcome="succeeded",
            purpose="update",
            asked_by="schedule",
            from_version="1.2.2",
            to_version="1.2.3",
            source="feed",
            signer="0" * 64,
            touched=True,
            reason=None,
            approved_by="person-" + "0" * 24,
            **about,
        )
    return log


def test_a_year_with_thirty_locks_is_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release a month for each: less than a megabyte, so decades fit."""
    monkeypatch.setattr(
        "custom_components.nightlatch.core.records.audit.os.fsync", lambda _: None
    )
    path = tmp_path / "audit"
    log = a_year(path, LOCKS, 12)
    size = path.stat().st_size
    assert len(log.entries(1000)) == 2 * LOCKS * 12
    assert 300_000 < size < 1_000_000
    assert MOST_BYTES / size > 16


def test_however_much_happens_the_log_stays_below_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bound of a hundredth here: four times as much is written, a look at a time."""
    monkeypatch.setattr(
        "custom_components.nightlatch.core.records.audit.os.fsync", lambda _: None
    )
    most = MOST_BYTES // 100
    path = tmp_path / "audit"
    cuts = 0
    for _ in range(8):
        log = a_year(path, LOCKS, 3)
        cuts += log.shorten(KEY, None, most) is not None
        assert path.stat().st_size <= most
        assert log.verify(key=KEY.public).findings == ()
        assert wrong(exported(log)) == []
    assert cuts >= 3
    assert audit_cut._LEFT < 1


# Who is forgotten.


def test_a_pseudonym_tells_nothing_without_its_salt() -> None:
    """Two salts make two people of one account."""
    table = Pseudonyms()
    ann = table.add("id-of-ann", "Ann")
    again = Pseudonyms().add("id-of-ann", "Ann")
    assert ann.pseudonym != again.pseudonym
    assert "ann" not in ann.pseudonym.lower().removeprefix("person-")
    assert table.of("id-of-ann") == ann
    assert table.of("id-of-bob") is None
    same = table.add("id-of-another-ann", "Ann")
    assert table.find(" Ann ") == (ann, same)
    assert table.find(ann.pseudonym) == (ann,)
    assert table.find("id-of-ann") == (ann,)
    assert Pseudonyms.from_dict(table.to_dict()).find("Ann") == (ann, same)
    assert tuple(table.without(ann.pseudonym)) == (same,)
    assert tuple(table) == (ann, same)
    # Whoever has no name is not meant by it.
    table.add("id-of-nobody", "")
    assert table.find("") == table.find("  ") == ()


@pytest.mark.parametrize("raw", [{}, {"format": 2, "people": []}, {"format": 1}])
def test_a_table_that_is_none_is_refused(raw: dict[str, object]) -> None:
    """Whoever reads it puts it aside."""
    with pytest.raises((KeyError, ValueError)):
        Pseudonyms.from_dict(raw)


@pytest.mark.parametrize("line", [None, b"", b"{}", b"[]", b'{"checkpoint":{}}'])
def test_what_is_no_checkpoint_is_not_taken_for_one(line: bytes | None) -> None:
    """Whatever stands there."""
    assert parse_checkpoint(line) is None


def test_a_checkpoint_is_short_enough_to_be_kept() -> None:
    """On a piece of paper."""
    text = short_form(1234, "0123456789abcdef" * 4)
    assert text == "1234:0123-4567-89ab-cdef-0123-4567-89ab-cdef"
    assert isinstance(NOON, datetime)
