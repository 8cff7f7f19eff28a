"""Copies are tested: each is read and proven, and made good from wherever it can be."""

from collections.abc import Awaitable, Callable
import os
from pathlib import Path
import shutil

import pytest

from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    FirmwareError,
    FirmwareProblem,
    VaultProblem,
)
from custom_components.nightlatch.core.vault.blob import CHUNK
from custom_components.nightlatch.core.vault.blob_store import BlobStore
from custom_components.nightlatch.core.vault.kept import Kept
from custom_components.nightlatch.core.vault.reports import Replacement
from custom_components.nightlatch.core.vault.vault import Vault

from .disk import Disk, disk_under_the_vault
from .house import House, artifact, blobs, holds, kept_of, nothing, reason_of, spoil

__all__ = ["disk_under_the_vault"]

DATA = artifact(CHUNK + 17)
KEPT = kept_of(DATA)
DIGEST = KEPT.binding.sha256


@pytest.fixture(name="house")
def house_on_disk(tmp_path: Path) -> House:
    """Return a house."""
    return House(tmp_path)


async def with_one(house: House) -> Vault:
    """Return a vault that keeps one artifact in both places."""
    vault = house.vault()
    await vault.open()
    await vault.put(KEPT, DATA)
    return vault


def feed(data: bytes | None) -> Callable[[Kept], Awaitable[bytes | None]]:
    """Return a feed that has something, or nothing."""

    async def refetch(_: Kept) -> bytes | None:
        return data

    return refetch


async def test_what_is_whole_is_found_so(house: House) -> None:
    """Each copy, in each place; the proof is asked for once an artifact."""
    vault = await with_one(house)
    proven = []
    report = await vault.test(lambda kept, data: proven.append((kept, data)), nothing)
    assert proven == [(KEPT, DATA)]
    assert (report.sound, report.replaced, report.damaged, report.unproven) == (
        2,
        (),
        (),
        (),
    )
    assert {name: place.error for name, place in report.places.items()} == {
        "first": None,
        "second": None,
    }


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("position", [100, -1])
async def test_a_damaged_copy_comes_from_the_other_place(
    house: House, which: int, position: int
) -> None:
    """Wherever it is damaged; the feed is not asked."""
    vault = await with_one(house)
    spoil(blobs(house.folders[which])[0], position)

    async def never(_: Kept) -> bytes | None:
        raise AssertionError("the other place has it")

    report = await vault.test(holds, never)
    assert [(each.place, each.kept, each.source) for each in report.replaced] == [
        (house.places[which].name, KEPT, Replacement.COPY)
    ]
    assert (report.sound, report.damaged) == (2, ())
    assert BlobStore(house.places[which], house.key).read(KEPT) == DATA


@pytest.mark.parametrize("restart", [False, True])
async def test_what_no_place_has_whole_comes_from_the_feed(
    house: House, restart: bool
) -> None:
    """As long as anything tells what it was."""
    vault = await with_one(house)
    for folder in house.folders:
        spoil(blobs(folder)[0])
    if restart:
        vault = house.vault()
    report = await vault.test(holds, feed(DATA))
    assert {(each.place, each.source) for each in report.replaced} == {
        ("first", Replacement.FEED),
        ("second", Replacement.FEED),
    }
    assert (report.sound, report.damaged) == (2, ())
    assert await vault.get(DIGEST) == DATA


async def test_the_newest_that_was_told_goes_with_what_the_feed_has(
    house: House,
) -> None:
    """Also where the place that told it comes second."""
    vault = await with_one(house)
    newer = kept_of(DATA, day=1, about={"state": "new"})
    BlobStore(house.places[1], house.key).write(newer, DATA)
    for folder in house.folders:
        spoil(blobs(folder)[0])
    vault = house.vault()
    report = await vault.test(holds, feed(DATA))
    assert [each.kept for each in report.replaced] == [newer] * 2
    for place in house.places:
        blobs_there = BlobStore(place, house.key)
        blobs_there.scan()
        assert [copy.kept for copy in blobs_there.copies.values()] == [newer]


async def test_what_can_still_be_replaced_is_not_dropped(
    house: House, disk: Disk
) -> None:
    """The place is full for now."""
    vault = await with_one(house)
    spoil(blobs(house.second)[0])

    def full(_: int, __: object) -> int:
        raise OSError(28, "full")

    disk.refuse("write", full)
    report = await vault.test(holds, nothing)
    assert [each.place for each in report.damaged] == ["second"]
    assert await vault.drop_damaged() == 0
    disk.accept("write")
    report = await vault.test(holds, nothing)
    assert [each.place for each in report.replaced] == ["second"]


async def test_a_head_that_is_damaged_everywhere_is_known_while_it_runs(
    house: House,
) -> None:
    """After a restart nothing tells what it was, and it cannot be replaced."""
    vault = await with_one(house)
    for folder in house.folders:
        spoil(blobs(folder)[0], 1000)
    restarted = house.vault()
    report = await restarted.test(holds, feed(DATA))
    assert [(each.place, each.kept) for each in report.damaged] == [
        ("first", None),
        ("second", None),
    ]
    report = await vault.test(holds, feed(DATA))
    assert [each.kept for each in report.damaged] == []
    assert len(report.replaced) == 2


def _unreachable(_: Kept) -> Awaitable[bytes | None]:
    raise FeedError(FeedProblem.UNREACHABLE)


@pytest.mark.parametrize(
    "refetch",
    [nothing, feed(DATA[:-1]), feed(b""), feed(bytes(len(DATA))), _unreachable],
)
async def test_what_nothing_can_replace_is_told_until_a_person_has_seen_it(
    house: House, refetch: Callable[[Kept], Awaitable[bytes | None]]
) -> None:
    """The feed has nothing, or something else. Nothing is deleted by itself."""
    vault = await with_one(house)
    for folder in house.folders:
        spoil(blobs(folder)[0])
    for _ in range(2):
        report = await vault.test(holds, refetch)
        assert [
            (each.place, each.kept, reason_of(each.error)) for each in report.damaged
        ] == [
            ("first", KEPT, VaultProblem.DAMAGED),
            ("second", KEPT, VaultProblem.DAMAGED),
        ]
        assert (report.sound, report.replaced) == (0, ())
    assert vault.kept() == ()
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]
    assert await vault.drop_damaged() == 2
    assert [len(blobs(folder)) for folder in house.folders] == [0, 0]
    assert (await vault.test(holds, nothing)).damaged == ()


async def test_what_a_newer_version_has_written_is_not_dropped(house: House) -> None:
    """It is whole, only not for this version."""
    vault = await with_one(house)
    for folder in house.folders:
        spoil(blobs(folder)[0], 7, 3)
    report = await vault.test(holds, nothing)
    assert [reason_of(each.error) for each in report.damaged] == (
        [VaultProblem.TOO_NEW] * 2
    )
    assert await vault.drop_damaged() == 0
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]


async def test_what_is_whole_again_is_not_dropped(house: House) -> None:
    """A disk may have had a bad moment, or a person has brought the file back."""
    vault = await with_one(house)
    for folder in house.folders:
        spoil(blobs(folder)[0])
    await vault.test(holds, nothing)
    assert vault.kept() == ()
    spoil(blobs(house.first)[0])
    assert await vault.drop_damaged() == 1
    assert vault.kept() == (KEPT,)
    assert await vault.get(DIGEST) == DATA
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]


async def test_what_may_not_be_read_is_not_dropped(house: House, disk: Disk) -> None:
    """It may be whole: a right is missing."""
    vault = await with_one(house)

    def refuse(path: str | Path, flags: int, *args: int, **kwargs: int) -> int:
        if str(path).endswith(".blob"):
            raise PermissionError(13, "refused")
        return os.open(path, flags, *args, **kwargs)

    disk.refuse("open", refuse)
    report = await vault.test(holds, nothing)
    assert [reason_of(each.error) for each in report.damaged] == (
        [VaultProblem.UNREADABLE] * 2
    )
    assert await vault.drop_damaged() == 0
    disk.accept("open")
    report = await vault.test(holds, nothing)
    assert (report.sound, report.damaged) == (2, ())


async def test_what_is_gone_from_all_places_is_fetched_or_told_once(
    house: House,
) -> None:
    """Somebody has emptied the folders while it ran."""
    vault = await with_one(house)
    for folder in house.folders:
        blobs(folder)[0].unlink()
    report = await vault.test(holds, feed(DATA))
    assert len(report.replaced) == 2
    for folder in house.folders:
        blobs(folder)[0].unlink()
    report = await vault.test(holds, nothing)
    assert [(each.kept, reason_of(each.error)) for each in report.damaged] == [
        (KEPT, VaultProblem.NOT_KEPT)
    ]
    assert (await vault.test(holds, nothing)).damaged == ()


async def test_what_a_place_that_is_away_has_is_not_gone(house: House) -> None:
    """It is told that the place is away, and nothing else."""
    vault = await with_one(house)
    away = house.second.rename(house.second.with_name("away"))
    blobs(house.first)[0].unlink()
    report = await vault.test(holds, nothing)
    assert reason_of(report.places["second"].error) == VaultProblem.NOT_THERE
    assert report.damaged == ()
    assert vault.kept() == ()
    away.rename(house.second)
    report = await vault.test(holds, nothing)
    assert [each.place for each in report.replaced] == ["first"]
    assert await vault.get(DIGEST) == DATA


async def test_a_proof_that_no_longer_holds_is_told(house: House) -> None:
    """The bytes are those that were kept: replacing them would change nothing."""
    vault = await with_one(house)
    error = FirmwareError(FirmwareProblem.SIGNATURE_INVALID)

    def fails(_: Kept, __: bytes) -> None:
        raise error

    report = await vault.test(fails, feed(DATA))
    assert [(each.kept, each.error) for each in report.unproven] == [(KEPT, error)]
    assert (report.sound, report.damaged, report.replaced) == (2, (), ())


async def test_a_mistake_in_a_proof_is_no_finding(house: House) -> None:
    """It is an error of ours, and comes out as one."""
    vault = await with_one(house)

    def broken(_: Kept, __: bytes) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await vault.test(broken, nothing)


async def test_what_is_dropped_while_the_feed_is_asked_stays_dropped(
    house: House,
) -> None:
    """And a door that waits for something else does not wait for the feed."""
    vault = await with_one(house)
    other = artifact(9)
    kept = kept_of(other, version="2")
    await vault.put(kept, other)
    blobs_there = BlobStore(house.places[0], house.key)
    for folder in house.folders:
        spoil(folder / blobs_there.name_of(KEPT.binding))
    vault.limit = 1

    async def refetch(_: Kept) -> bytes | None:
        assert await vault.get(kept.binding.sha256) == other
        dropped = await vault.prune({kept.binding.sha256: 0})
        assert dropped == (KEPT,)
        return DATA

    report = await vault.test(holds, refetch)
    assert (report.replaced, report.damaged) == ((), ())
    assert vault.kept() == (kept,)
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]


async def test_a_test_fills_a_place_that_is_back(house: House) -> None:
    """It begins with opening again."""
    vault = await with_one(house)
    away = house.second.rename(house.second.with_name("away"))
    await vault.test(holds, nothing)
    assert "second" in vault.troubles
    shutil.rmtree(away)
    house.places[1].establish(house.key)
    report = await vault.test(holds, nothing)
    assert report.places["second"].merged == 1
    assert [each.place for each in report.replaced] == ["second"]
    assert report.sound == 2
    assert vault.troubles == {}
