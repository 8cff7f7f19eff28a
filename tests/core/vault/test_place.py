"""A place is the folder that was named, and what lies there stays in it."""

from collections.abc import Callable
from dataclasses import replace
import errno
from functools import partial
import os
from pathlib import Path
import stat

import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.vault.blob_store import BlobNames, BlobStore
from custom_components.nightlatch.core.vault.keys import HouseholdKey
from custom_components.nightlatch.core.vault.ledger import Ledger
from custom_components.nightlatch.core.vault.place import Place
from custom_components.nightlatch.core.vault.record import RecordKind, write_head

from .disk import Disk, disk_under_the_vault
from .house import NOON, House, artifact, blobs, kept_of, refusal, spoil

__all__ = ["disk_under_the_vault"]

DATA = artifact(1000)
KEPT = kept_of(DATA)


@pytest.fixture(name="house")
def house_on_disk(tmp_path: Path) -> House:
    """Return a house."""
    return House(tmp_path)


@pytest.fixture(name="blobs_there")
def blobs_with_one(house: House) -> BlobStore:
    """Return what the first place of the house keeps: one artifact."""
    blobs_there = BlobStore(house.places[0], house.key)
    blobs_there.write(KEPT, DATA)
    return blobs_there


def mode(path: Path) -> int:
    """Return who may do what."""
    return stat.S_IMODE(path.stat().st_mode)


def refused(work: Callable[[], object]) -> tuple[str, str]:
    """Return why something was refused, and in which place."""
    with pytest.raises(VaultError) as raised:
        work()
    return refusal(raised.value)


def test_nobody_else_may_look(house: House, blobs_there: BlobStore) -> None:
    """Whatever the process's umask says."""
    assert mode(house.first) == 0o700
    assert mode(blobs(house.first)[0]) == 0o600
    house.first.chmod(0o755)
    before = os.umask(0)
    try:
        blobs_there.write(KEPT, DATA)
        assert mode(house.first) == 0o700
        assert mode(blobs(house.first)[0]) == 0o600
    finally:
        os.umask(before)
    # The owner's folder, which was made for the vault.
    assert mode(house.second) == 0o700


def test_a_folder_that_others_use_is_left_as_open_as_it_is(tmp_path: Path) -> None:
    """Only one that is empty can be meant for the vault alone."""
    shared = tmp_path / "shared"
    shared.mkdir(0o755)
    (shared / "picture.jpg").write_bytes(b"...")
    Place("second", shared, own=False).establish(HouseholdKey.new())
    assert mode(shared) == 0o755
    empty = tmp_path / "empty"
    empty.mkdir(0o755)
    Place("second", empty, own=False).establish(HouseholdKey.new())
    assert mode(empty) == 0o700


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.EINVAL])
def test_a_share_without_modes_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As CIFS and FAT are, and folders that belong to somebody else."""

    def refuse(_: int, __: int) -> None:
        raise OSError(number, "no modes here")

    share = tmp_path / "share"
    share.mkdir(0o755)
    monkeypatch.setattr(os, "fchmod", refuse)
    key = HouseholdKey.new()
    place = Place("second", share, own=False)
    place.establish(key)
    blobs_there = BlobStore(place, key)
    blobs_there.write(KEPT, DATA)
    assert blobs_there.read(KEPT) == DATA


def test_another_trouble_with_modes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails is not one without modes."""

    def refuse(_: int, __: int) -> None:
        raise OSError(errno.EIO, "broken")

    share = tmp_path / "share"
    share.mkdir(0o755)
    monkeypatch.setattr(os, "fchmod", refuse)
    place = Place("second", share, own=False)
    assert refused(lambda: place.establish(HouseholdKey.new())) == (
        VaultProblem.UNWRITABLE,
        str(share),
    )


@pytest.mark.parametrize(
    ("number", "works"),
    [(errno.EINVAL, True), (errno.ENOTSUP, True), (errno.EIO, False)],
)
def test_a_share_that_cannot_make_names_durable_will_do(
    house: House, disk: Disk, number: int, works: bool
) -> None:
    """Some network file systems fsync files only."""
    blobs_there = BlobStore(house.places[0], house.key)
    real, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, "not for folders")
        real(descriptor)

    disk.refuse("fsync", fsync)
    if works:
        blobs_there.write(KEPT, DATA)
        assert blobs_there.read(KEPT) == DATA
    else:
        why = refused(lambda: blobs_there.write(KEPT, DATA))
        assert why == (VaultProblem.UNWRITABLE, str(house.first))
    assert calls == 2


def test_an_empty_mount_point_is_not_the_share(house: House) -> None:
    """Nothing is written to it, and nothing is taken for gone."""
    blobs_there = BlobStore(house.places[1], house.key)
    blobs_there.write(KEPT, DATA)
    share = house.second.rename(house.second.with_name("away"))
    for work in (
        blobs_there.scan,
        lambda: blobs_there.write(KEPT, DATA),
        lambda: blobs_there.read(KEPT),
    ):
        assert refused(work) == (VaultProblem.NOT_THERE, str(house.second))
    house.second.mkdir()
    for work in (
        blobs_there.scan,
        lambda: blobs_there.write(KEPT, DATA),
        lambda: blobs_there.read(KEPT),
    ):
        assert refused(work) == (VaultProblem.NOT_THERE, str(house.second))
    assert not list(house.second.iterdir())
    house.second.rmdir()
    share.rename(house.second)
    assert blobs_there.read(KEPT) == DATA


def test_the_share_of_another_household_is_not_ours(house: House) -> None:
    """Until the owner says so; then both live there, each with its own."""
    stranger = HouseholdKey.new()
    theirs = BlobStore(house.places[1], stranger)
    assert refused(theirs.scan) == (VaultProblem.NOT_THERE, str(house.second))
    house.places[1].establish(stranger)
    theirs.write(KEPT, DATA)
    ours = BlobStore(house.places[1], house.key)
    ours.write(KEPT, DATA)
    for blobs_there in (ours, theirs):
        blobs_there.scan()
        assert blobs_there.read(KEPT) == DATA
        assert (len(blobs_there.copies), blobs_there.foreign, blobs_there.damaged) == (
            1,
            1,
            {},
        )
    assert len(blobs(house.second)) == 2


def test_naming_a_folder_again_changes_nothing(house: House) -> None:
    """It is what a person does who is told that it is not there."""
    blobs_there = BlobStore(house.places[1], house.key)
    blobs_there.write(KEPT, DATA)
    house.places[1].establish(house.key)
    blobs_there.scan()
    assert blobs_there.read(KEPT) == DATA


def test_a_folder_that_cannot_be_is_told_at_once(tmp_path: Path) -> None:
    """While the person who names it is still there."""
    (tmp_path / "file").write_bytes(b"")
    key = HouseholdKey.new()
    for path, reason in (
        (tmp_path / "missing" / "vault", VaultProblem.NOT_THERE),
        (tmp_path / "file", VaultProblem.UNWRITABLE),
        (tmp_path / "file" / "vault", VaultProblem.UNWRITABLE),
    ):
        place = Place("second", path, own=False)
        assert refused(partial(place.establish, key)) == (reason, str(path))
    assert not (tmp_path / "missing").exists()


def test_our_own_folder_is_made(tmp_path: Path) -> None:
    """A restored backup may be without it."""
    place = Place("first", tmp_path / "storage" / "vault", own=True)
    key = HouseholdKey.new()
    assert BlobStore(place, key).scan() == {}
    (tmp_path / "storage" / "vault").rmdir()
    (tmp_path / "storage" / "vault").write_bytes(b"a file")
    assert refused(BlobStore(place, key).scan) == (
        VaultProblem.UNREADABLE,
        str(tmp_path / "storage" / "vault"),
    )


def test_what_was_never_finished_is_removed(
    house: House, blobs_there: BlobStore
) -> None:
    """Ours only: another household may be writing at this moment."""
    ours = house.first / f"{house.key.key_id}-0123456789abcdef.part"
    theirs = house.first / "0123456789abcdef-0123456789abcdef.part"
    for path in (ours, theirs):
        path.write_bytes(b"...")
    blobs_there.scan()
    assert not ours.exists()
    assert theirs.exists()
    assert blobs_there.read(KEPT) == DATA


def test_no_link_leads_out(
    tmp_path: Path, house: House, blobs_there: BlobStore
) -> None:
    """Neither reading nor writing; what it points to stays as it is."""
    (blob,) = blobs(house.first)
    outside = tmp_path / "outside"
    blob.rename(outside)
    raw = outside.read_bytes()
    blob.symlink_to(outside)
    ledger = house.first / f"{house.key.key_id}.ledger"
    ledger.symlink_to(outside)
    blobs_there.scan()
    assert refusal(blobs_there.damaged[blob.name])[0] == VaultProblem.DAMAGED
    assert blobs_there.ledger_problem is not None
    assert refused(lambda: blobs_there.read(KEPT))[0] == VaultProblem.DAMAGED
    blobs_there.write(KEPT, DATA)
    assert not blob.is_symlink()
    assert blobs_there.read(KEPT) == DATA
    assert outside.read_bytes() == raw


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_damage(
    house: House, blobs_there: BlobStore, make: Callable[[Path], None]
) -> None:
    """And holds nothing up."""
    (blob,) = blobs(house.first)
    blob.unlink()
    make(blob)
    blobs_there.scan()
    assert refusal(blobs_there.damaged[blob.name])[0] == VaultProblem.DAMAGED
    mark = house.second / f"nightlatch-{house.key.key_id}.place"
    mark.unlink()
    make(mark)
    assert refused(BlobStore(house.places[1], house.key).scan) == (
        VaultProblem.NOT_THERE,
        str(house.second),
    )


def _refusing(number: int) -> Callable[..., int]:
    real = os.open

    def refuse(path: str | Path, flags: int, *args: int, **kwargs: int) -> int:
        if str(path).endswith(".blob"):
            raise OSError(number, "refused")
        return real(path, flags, *args, **kwargs)

    return refuse


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EIO, VaultProblem.DAMAGED),
        (errno.EACCES, VaultProblem.UNREADABLE),
        (errno.ESTALE, VaultProblem.UNREADABLE),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    house: House, blobs_there: BlobStore, disk: Disk, number: int, reason: VaultProblem
) -> None:
    """A bad sector is damage; a right that is missing is something to set right."""
    disk.refuse("open", _refusing(number))
    assert refused(lambda: blobs_there.read(KEPT)) == (reason, str(house.first))
    (blob,) = blobs(house.first)
    assert refusal(blobs_there.damaged[blob.name])[0] == reason
    blobs_there.scan()
    assert refusal(blobs_there.damaged[blob.name])[0] == reason
    assert not blobs_there.copies


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, VaultProblem.FULL),
        (errno.EDQUOT, VaultProblem.FULL),
        (errno.EFBIG, VaultProblem.FULL),
        (errno.EACCES, VaultProblem.UNWRITABLE),
        (errno.EROFS, VaultProblem.UNWRITABLE),
        (errno.ENOTCONN, VaultProblem.UNWRITABLE),
    ],
)
def test_what_a_disk_says_is_told_in_our_words(
    house: House, blobs_there: BlobStore, disk: Disk, number: int, reason: VaultProblem
) -> None:
    """With its own words beside."""

    def refuse(_: int, __: object) -> int:
        raise OSError(number, "refused")

    disk.refuse("write", refuse)
    with pytest.raises(VaultError) as raised:
        blobs_there.write(kept_of(DATA, version="2"), DATA)
    assert refusal(raised.value) == (reason, str(house.first))
    assert raised.value.details["detail"] == os.strerror(number)
    assert blobs_there.read(KEPT) == DATA


def test_names_tell_nothing_and_are_ours(house: House) -> None:
    """Another key gives other names, and none takes the other's for its own."""
    ours, theirs = BlobNames(house.key), BlobNames(HouseholdKey.new())
    name = ours.of(KEPT.binding)
    assert name == BlobNames(house.key).of(KEPT.binding)
    assert name != theirs.of(KEPT.binding)
    assert ours.ours(name)
    assert not theirs.ours(name)
    others = [kept_of(DATA, version="2"), kept_of(DATA, model="2"), kept_of(b"")]
    assert len({name, *(ours.of(kept.binding) for kept in others)}) == 4
    digits = name.removesuffix(".blob")
    for wrong in (
        "",
        ".blob",
        digits,
        f"{digits[:-2]}.blob",
        f"{digits}00.blob",
        f"{digits.upper()}.blob",
        f"{digits[:-1]}{int(digits[-1], 16) ^ 1:x}.blob",
        f"{int(digits[0], 16) ^ 1:x}{digits[1:]}.blob",
        "picture.blob",
    ):
        assert not ours.ours(wrong), wrong


def test_a_copy_that_is_gone_is_not_damage(
    house: House, blobs_there: BlobStore
) -> None:
    """There is nothing that a person would have to look at."""
    blobs_there.scan()
    blobs(house.first)[0].unlink()
    with pytest.raises(VaultError) as raised:
        blobs_there.read(KEPT)
    assert raised.value.reason is VaultProblem.NOT_KEPT
    assert (blobs_there.copies, blobs_there.damaged) == ({}, {})


def test_what_is_removed_is_gone_also_twice(
    house: House, blobs_there: BlobStore
) -> None:
    """As after a cut between removing and saying so."""
    name = blobs_there.name_of(KEPT.binding)
    blobs_there.remove(name)
    blobs_there.remove(name)
    assert not blobs(house.first)
    assert not blobs_there.mentions(name)


def test_a_ledger_that_is_too_long_is_refused_and_the_last_one_stays(
    house: House, blobs_there: BlobStore
) -> None:
    """As any other that cannot be written."""
    ledger = Ledger(counter=3, at=NOON, content={"floors": [1, 2]})
    blobs_there.write_ledger(ledger)
    with pytest.raises(VaultError) as caught:
        blobs_there.write_ledger(replace(ledger, content={"floors": "x" * (1 << 20)}))
    assert refusal(caught.value) == (VaultProblem.TOO_LONG, str(house.first))
    assert blobs_there.read_ledger() == ledger


def test_a_damaged_ledger_says_nothing(house: House, blobs_there: BlobStore) -> None:
    """And is told of."""
    path = house.first / f"{house.key.key_id}.ledger"
    assert blobs_there.read_ledger() is None
    assert blobs_there.ledger_problem is None
    ledger = Ledger(counter=3, at=NOON, content={"floors": [1, 2]})
    blobs_there.write_ledger(ledger)
    assert blobs_there.read_ledger() == ledger
    spoil(path)
    assert blobs_there.read_ledger() is None
    assert refusal(blobs_there.ledger_problem) == (
        VaultProblem.DAMAGED,
        str(house.first),
    )
    for record in ({}, {"counter": "1"}, {"counter": 1, "at": "now"}):
        with path.open("wb") as file:
            write_head(file, house.key, RecordKind.LEDGER, record)
        assert blobs_there.read_ledger() is None
        assert refusal(blobs_there.ledger_problem)[0] == VaultProblem.DAMAGED
    # A blob in its place is no ledger.
    path.write_bytes(blobs(house.first)[0].read_bytes())
    assert blobs_there.read_ledger() is None
    assert refusal(blobs_there.ledger_problem)[0] == VaultProblem.OTHER_BLOB
