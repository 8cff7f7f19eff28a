"""What one place lacks or has damaged comes from the other; nothing is lost."""

from pathlib import Path
import shutil

import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.vault.blob import CHUNK
from custom_components.nightlatch.core.vault.blob_store import BlobStore
from custom_components.nightlatch.core.vault.kept import Kept
from custom_components.nightlatch.core.vault.keys import HouseholdKey
from custom_components.nightlatch.core.vault.place import Place
from custom_components.nightlatch.core.vault.vault import Vault

from .disk import Disk, disk_under_the_vault
from .house import (
    LIMIT,
    NOON,
    House,
    artifact,
    blobs,
    kept_of,
    reason_of,
    refusal,
    spoil,
)

__all__ = ["disk_under_the_vault"]

DATA = artifact(CHUNK + 17)
KEPT = kept_of(DATA, about={"signer": "ab" * 32})
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


def the_blob(folder: Path) -> Path:
    """Return the one blob in a folder."""
    (blob,) = blobs(folder)
    return blob


async def refused(vault: Vault, sha256: str = DIGEST) -> VaultError:
    """Return why an artifact is not given."""
    with pytest.raises(VaultError) as raised:
        await vault.get(sha256)
    return raised.value


async def test_what_is_put_can_be_got(house: House) -> None:
    """Now, and after a restart, with all that was told of it."""
    vault = await with_one(house)
    for each in (vault, house.vault()):
        await each.open()
        assert each.kept() == (KEPT,)
        assert each.by_digest(DIGEST) == KEPT
        assert await each.get(DIGEST) == DATA
        assert each.troubles == {}
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]
    first, second = (the_blob(folder).read_bytes() for folder in house.folders)
    # A key of its own for each copy.
    assert first != second
    assert vault.size == len(first)
    assert vault.limit == LIMIT


async def test_it_is_found_by_what_it_is(house: House) -> None:
    """The newest, where there are several; of any vendor, where none is named."""
    vault = await with_one(house)
    other = artifact(10, seed=1)
    newer = kept_of(other, vendor="Another", day=1)
    await vault.put(newer, other)
    assert vault.find(model="Keyway One", version="1.2.3") == newer
    found = vault.find(vendor="Example Locks", model="Keyway One", version="1.2.3")
    assert found == KEPT
    assert vault.find(model="Keyway One", version="1.2.3", sha256=DIGEST) == KEPT
    assert vault.find(model="Keyway One", version="1.2.4") is None
    assert vault.find(model="Keyway Two", version="1.2.3") is None
    assert vault.find(vendor="?", model="Keyway One", version="1.2.3") is None
    assert vault.by_digest("0" * 64) is None
    assert vault.kept() == (KEPT, newer)


async def test_the_same_bytes_may_be_two_things(house: House) -> None:
    """A vendor may serve one file for two models."""
    vault = await with_one(house)
    twin = kept_of(DATA, model="Keyway Two", day=1)
    await vault.put(twin, DATA)
    assert vault.find(model="Keyway One", version="1.2.3") == KEPT
    assert vault.find(model="Keyway Two", version="1.2.3") == twin
    assert await vault.get(DIGEST) == DATA
    # One of them damaged everywhere: the other has the bytes.
    stores = [BlobStore(place, house.key) for place in house.places]
    for blobs_there in stores:
        spoil(Path(blobs_there.path) / blobs_there.name_of(twin.binding))
    assert await vault.get(DIGEST) == DATA
    assert vault.find(model="Keyway Two", version="1.2.3") == twin
    for blobs_there in stores:
        assert blobs_there.read(twin) == DATA


async def test_putting_again_tells_something_new(house: House) -> None:
    """In both places, and nothing is there twice."""
    vault = await with_one(house)
    newer = kept_of(DATA, day=1, about={"signer": "cd" * 32})
    await vault.put(newer, DATA)
    assert vault.kept() == (newer,)
    again = house.vault()
    await again.open()
    assert again.kept() == (newer,)
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]


@pytest.mark.parametrize("wrong", [DATA[:-1], DATA + b"\0", bytes(len(DATA)), b""])
async def test_other_bytes_than_those_bound_are_not_kept(
    house: House, wrong: bytes
) -> None:
    """And what was there stays."""
    vault = await with_one(house)
    with pytest.raises(VaultError) as raised:
        await vault.put(KEPT, wrong)
    assert refusal(raised.value) == (VaultProblem.DAMAGED, str(house.first))
    assert vault.troubles == {}
    assert await vault.get(DIGEST) == DATA


async def test_what_is_not_kept_is_not_given(house: House) -> None:
    """Also before anything was opened."""
    assert (await refused(house.vault())).reason is VaultProblem.NOT_KEPT
    vault = await with_one(house)
    assert (await refused(vault, "0" * 64)).reason is VaultProblem.NOT_KEPT


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("position", [0, 7, 8, 20, 100, 5000, -1])
async def test_a_damaged_copy_is_replaced_on_the_way(
    house: House, which: int, position: int
) -> None:
    """Wherever it is damaged: the other place has it, and the damage is gone."""
    vault = await with_one(house)
    spoil(the_blob(house.folders[which]), position)
    assert await vault.get(DIGEST) == DATA
    if which == 0:
        # The second copy was not needed; a test looks at it.
        blobs_there = BlobStore(house.places[0], house.key)
        assert blobs_there.read(KEPT) == DATA


@pytest.mark.parametrize("which", [0, 1])
async def test_opening_makes_good_what_it_sees(house: House, which: int) -> None:
    """A head that is damaged, a file that is gone or cut."""
    await with_one(house)
    blob = the_blob(house.folders[which])
    whole = blob.read_bytes()
    name = house.places[which].name
    for change, damaged in (
        (lambda: spoil(blob, 100), VaultProblem.DAMAGED),
        (lambda: spoil(blob, 9), VaultProblem.OTHER_BLOB),
        (lambda: spoil(blob, 7, 3), VaultProblem.TOO_NEW),
        (lambda: blob.write_bytes(b"nothing of ours"), VaultProblem.NOT_A_BLOB),
        (lambda: blob.write_bytes(whole[:-1]), VaultProblem.TRUNCATED),
        (lambda: blob.write_bytes(whole + b"\0"), VaultProblem.DAMAGED),
        (lambda: blob.write_bytes(b""), VaultProblem.TRUNCATED),
        (blob.unlink, ""),
    ):
        change()
        vault = house.vault()
        report = (await vault.open()).places
        assert [reason_of(each.error) for each in report[name].damaged] == (
            [damaged] if damaged else []
        )
        assert [each.kept for each in report[name].damaged] == (
            [KEPT] if damaged else []
        )
        assert report[name].merged == 1
        assert report[name].blobs == 0
        assert report[name].error is None
        other = report[house.places[1 - which].name]
        assert (other.merged, other.blobs, other.damaged) == (0, 1, ())
        assert len(blob.read_bytes()) == len(whole)
        assert BlobStore(house.places[which], house.key).read(KEPT) == DATA


async def test_a_copy_damaged_in_both_places_is_not_given(house: House) -> None:
    """And the first is named; it does not count as kept."""
    vault = await with_one(house)
    for folder in house.folders:
        spoil(the_blob(folder))
    assert vault.kept() == (KEPT,)
    err = await refused(vault)
    assert refusal(err) == (VaultProblem.DAMAGED, str(house.first))
    assert err.details["artifact"] == "Keyway One 1.2.3"
    assert vault.kept() == ()
    assert vault.find(model="Keyway One", version="1.2.3") is None
    # Still so when it is asked again.
    assert (await refused(vault)).reason is VaultProblem.DAMAGED
    assert [len(blobs(folder)) for folder in house.folders] == [1, 1]
    await vault.put(KEPT, DATA)
    assert await vault.get(DIGEST) == DATA


async def with_two(house: House) -> tuple[Vault, list[Kept], list[bytes]]:
    """Return a vault that keeps two artifacts in both places."""
    vault = house.vault()
    await vault.open()
    data = [artifact(100, seed=seed) for seed in range(2)]
    kept = [
        kept_of(each, version=str(number), day=number)
        for number, each in enumerate(data)
    ]
    for each, raw in zip(kept, data, strict=True):
        await vault.put(each, raw)
    return vault, kept, data


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("swap", [False, True])
async def test_a_blob_under_anothers_name_is_noticed(
    house: House, which: int, swap: bool
) -> None:
    """While it runs and after a restart; neither of both is lost."""
    vault, kept, data = await with_two(house)
    blobs_there = BlobStore(house.places[which], house.key)
    one, other = (
        house.folders[which] / blobs_there.name_of(each.binding) for each in kept
    )
    raw, other_raw = one.read_bytes(), other.read_bytes()
    other.write_bytes(raw)
    if swap:
        one.write_bytes(other_raw)
    with pytest.raises(VaultError) as raised:
        blobs_there.read(kept[1])
    assert raised.value.reason is VaultProblem.OTHER_BLOB
    for number in range(2):
        assert await vault.get(kept[number].binding.sha256) == data[number]
    other.write_bytes(raw)
    again = house.vault()
    report = (await again.open()).places[house.places[which].name]
    assert VaultProblem.OTHER_BLOB in [each.error.reason for each in report.damaged]
    for number in range(2):
        assert await again.get(kept[number].binding.sha256) == data[number]
        assert (
            BlobStore(house.places[which], house.key).read(kept[number]) == data[number]
        )


@pytest.mark.parametrize("name", [None, "renamed.blob"])
async def test_a_blob_that_lies_only_under_another_name_is_not_lost(
    house: House, name: str | None
) -> None:
    """It is read from there, and put where it belongs, before that name is made good."""
    _, kept, data = await with_two(house)
    shutil.rmtree(house.second)
    blobs_there = BlobStore(house.places[0], house.key)
    one, other = (house.first / blobs_there.name_of(each.binding) for each in kept)
    one.rename(other if name is None else house.first / name)
    vault = house.alone()
    report = (await vault.open()).places["first"]
    assert report.merged == 1
    assert await vault.get(kept[0].binding.sha256) == data[0]
    assert one.exists()
    if name is None:
        assert [reason_of(each.error) for each in report.damaged] == [
            VaultProblem.OTHER_BLOB
        ]
        assert (await refused(vault, kept[1].binding.sha256)).reason is (
            VaultProblem.NOT_KEPT
        )
    else:
        assert await vault.get(kept[1].binding.sha256) == data[1]
        assert report.damaged == ()
    # Found again and again, and not counted as somebody else's.
    assert (await vault.open()).places["first"].foreign == 0


async def test_two_that_were_swapped_in_the_only_place_are_both_there(
    house: House,
) -> None:
    """Neither is put right over the other, by whatever of both is done first."""
    _, kept, data = await with_two(house)
    shutil.rmtree(house.second)
    blobs_there = BlobStore(house.places[0], house.key)
    one, other = (house.first / blobs_there.name_of(each.binding) for each in kept)
    raw = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(raw)
    vault = house.alone()
    report = (await vault.open()).places["first"]
    assert report.merged == 2
    for again in (vault, house.alone()):
        await again.open()
        for number in range(2):
            assert await again.get(kept[number].binding.sha256) == data[number]
            assert (
                BlobStore(house.places[0], house.key).read(kept[number]) == data[number]
            )
    again = house.alone()
    assert (await again.open()).places["first"].damaged == ()
    assert len(again.kept()) == len(blobs(house.first)) == 2


@pytest.mark.parametrize("newer", [0, 1])
async def test_what_strays_is_saved_before_its_place_is_taken(
    house: House, newer: int
) -> None:
    """The only copy of one lies under the name of another, which the second place has."""
    vault = house.vault()
    await vault.open()
    data = [artifact(100, seed=seed) for seed in range(2)]
    kept = [
        kept_of(each, version=str(number), day=number == newer)
        for number, each in enumerate(data)
    ]
    for each, raw in zip(kept, data, strict=True):
        await vault.put(each, raw)
    name, other = (
        BlobStore(house.places[0], house.key).name_of(k.binding) for k in kept
    )
    (house.first / name).rename(house.first / other)
    (house.second / name).unlink()
    again = house.vault()
    await again.open()
    for number in range(2):
        assert await again.get(kept[number].binding.sha256) == data[number]
        for place in house.places:
            assert BlobStore(place, house.key).read(kept[number]) == data[number]


async def test_the_newer_telling_wins_though_it_strays(house: House) -> None:
    """A backup was restored, and what is newer lies under another name."""
    vault = await with_one(house)
    backup = house.first.with_name("backup")
    shutil.copytree(house.first, backup)
    newer = kept_of(DATA, day=1, about={"state": "new"})
    await vault.put(newer, DATA)
    shutil.rmtree(house.first)
    backup.rename(house.first)
    the_blob(house.second).rename(house.second / "renamed.blob")
    again = house.vault()
    await again.open()
    assert again.kept() == (newer,)
    for place in house.places:
        blobs_there = BlobStore(place, house.key)
        blobs_there.scan()
        assert [each.kept for each in blobs_there.copies.values()] == [newer]
        assert blobs_there.read(newer) == DATA


@pytest.mark.parametrize("order", ["012", "210", "102"])
async def test_of_several_strays_one_that_is_whole_is_enough(
    house: House, order: str
) -> None:
    """The others are damaged, though they tell what is newer."""
    first = house.alone()
    await first.open()
    raw = {}
    for day in range(3):
        newer = kept_of(DATA, day=day, about={"day": day})
        await first.put(newer, DATA)
        raw[str(day)] = the_blob(house.first).read_bytes()
    the_blob(house.first).unlink()
    for letter, number in zip("abc", order, strict=True):
        path = house.first / f"{letter}.blob"
        path.write_bytes(raw[number])
        if number != "0":
            spoil(path)
    vault = house.alone()
    await vault.open()
    assert await vault.get(DIGEST) == DATA
    assert vault.by_digest(DIGEST) == newer
    assert BlobStore(house.places[0], house.key).read(newer) == DATA


@pytest.mark.parametrize("how", ["moved", "swapped", "damaged", "twice"])
@pytest.mark.parametrize("then", ["put", "prune"])
async def test_what_was_moved_meanwhile_is_not_written_over(
    house: House, how: str, then: str
) -> None:
    """Nobody has told the vault; the one that is written over or dropped is another."""
    _, kept, data = await with_two(house)
    shutil.rmtree(house.second)
    vault = house.alone()
    await vault.open()
    blobs_there = BlobStore(house.places[0], house.key)
    one, other = (house.first / blobs_there.name_of(each.binding) for each in kept)
    raw, other_raw = one.read_bytes(), other.read_bytes()
    other.write_bytes(raw)
    match how:
        case "moved":
            one.unlink()
        case "swapped":
            one.write_bytes(other_raw)
        case "damaged":
            spoil(one)
    if then == "put":
        await vault.put(kept[1], data[1])
    else:
        vault.limit = 1
        assert await vault.prune({kept[0].binding.sha256: 0}) == (kept[1],)
    for each in (vault, house.alone()):
        await each.open()
        assert await each.get(kept[0].binding.sha256) == data[0]
    assert BlobStore(house.places[0], house.key).read(kept[0]) == data[0]
    if then == "put":
        assert await vault.get(kept[1].binding.sha256) == data[1]
        assert len(blobs(house.first)) == 2


async def test_a_stray_that_cannot_be_put_right_is_still_given(
    house: House, disk: Disk
) -> None:
    """The disk is full: nothing is written over it, and it can be read."""
    _, kept, data = await with_two(house)
    blobs_there = BlobStore(house.places[0], house.key)
    one, other = (house.first / blobs_there.name_of(each.binding) for each in kept)
    one.rename(other)
    (house.second / blobs_there.name_of(kept[0].binding)).unlink()

    def full(_: int, __: object) -> int:
        raise OSError(28, "full")

    disk.refuse("write", full)
    vault = house.vault()
    await vault.open()
    assert reason_of(vault.troubles["first"]) == VaultProblem.FULL
    assert vault.by_digest(kept[0].binding.sha256) == kept[0]
    for number in range(2):
        assert await vault.get(kept[number].binding.sha256) == data[number]
    assert await vault.drop_damaged() == 0
    disk.accept("write")
    await vault.open()
    assert vault.troubles == {}
    assert [len(blobs(folder)) for folder in house.folders] == [2, 2]
    for number in range(2):
        assert BlobStore(house.places[0], house.key).read(kept[number]) == data[number]


async def test_a_stray_that_is_damaged_too_is_not_given(house: House) -> None:
    """Its head says what it was; its bytes do not hold."""
    _, kept, _ = await with_two(house)
    shutil.rmtree(house.second)
    blobs_there = BlobStore(house.places[0], house.key)
    stray = house.first / "renamed.blob"
    (house.first / blobs_there.name_of(kept[0].binding)).rename(stray)
    spoil(stray)
    vault = house.alone()
    report = await vault.open()
    assert report.places["first"].merged == 0
    digest = kept[0].binding.sha256
    assert (await refused(vault, digest)).reason is VaultProblem.NOT_KEPT
    assert vault.by_digest(digest) is None


async def test_files_of_others_are_left_alone(house: House) -> None:
    """Another household's, a lost key's, and whatever else lies there."""
    stranger = House(house.first.parent, HouseholdKey.new())
    theirs = await with_one(stranger)
    (house.first / "notes.txt").write_text("mine")
    (house.first / "odd.blob").write_text("mine")
    before = {path: path.read_bytes() for path in house.first.iterdir()}
    vault = await with_one(house)
    report = await vault.open()
    assert report.places["first"].foreign == 2
    assert report.places["second"].foreign == 1
    assert report.places["first"].damaged == ()
    await vault.prune({})
    await vault.drop_damaged()
    assert {path: path.read_bytes() for path in before} == before
    assert await theirs.get(DIGEST) == DATA
    assert await vault.get(DIGEST) == DATA


# Merging.


async def test_a_second_place_is_filled(house: House) -> None:
    """When the owner names it."""
    first = house.alone()
    await first.open()
    await first.put(KEPT, DATA)
    vault = house.vault()
    report = await vault.open()
    assert (report.at, report.places["second"].merged) == (NOON, 1)
    assert BlobStore(house.places[1], house.key).read(KEPT) == DATA


async def test_a_restored_backup_is_brought_up_to_date(house: House) -> None:
    """The union of both places, and the newer of what is told."""
    vault = await with_one(house)
    old = artifact(5, seed=5)
    await vault.put(kept_of(old, version="0.9", about={"state": "old"}), old)
    backup = house.first.with_name("backup")
    shutil.copytree(house.first, backup)
    newer = kept_of(old, version="0.9", day=3, about={"state": "new"})
    await vault.put(newer, old)
    added = artifact(6, seed=6)
    await vault.put(kept_of(added, version="2.0", day=2), added)
    shutil.rmtree(house.first)
    backup.rename(house.first)
    restored = house.vault()
    report = await restored.open()
    assert (report.places["first"].merged, report.places["second"].merged) == (2, 0)
    assert restored.kept() == (KEPT, kept_of(added, version="2.0", day=2), newer)
    # Also when the other place goes away afterwards.
    alone = house.alone()
    await alone.open()
    assert alone.kept() == restored.kept()
    assert await alone.get(newer.binding.sha256) == old


async def test_the_newer_telling_wins_though_its_copy_is_damaged(house: House) -> None:
    """The bytes are the same: they come from the older copy."""
    vault = await with_one(house)
    away = house.second.rename(house.second.with_name("away"))
    newer = kept_of(DATA, day=1, about={"state": "new"})
    await vault.put(newer, DATA)
    assert reason_of(vault.troubles["second"]) == VaultProblem.NOT_THERE
    spoil(the_blob(house.first))
    away.rename(house.second)
    again = house.vault()
    await again.open()
    assert await again.get(DIGEST) == DATA
    assert again.by_digest(DIGEST) == newer
    report = await again.open()
    assert all(not each.damaged for each in report.places.values())
    for place in house.places:
        blobs_there = BlobStore(place, house.key)
        blobs_there.scan()
        assert [each.kept for each in blobs_there.copies.values()] == [newer]


# Places in trouble.


async def test_a_share_that_is_away_is_told_and_filled_later(house: House) -> None:
    """Everything goes on with the first place."""
    vault = await with_one(house)
    away = house.second.rename(house.second.with_name("away"))
    house.second.mkdir()
    other = artifact(50, seed=1)
    kept = kept_of(other, version="2")
    await vault.put(kept, other)
    assert refusal(vault.troubles["second"]) == (
        VaultProblem.NOT_THERE,
        str(house.second),
    )
    report = await vault.open()
    assert report.places["second"].error is vault.troubles["second"]
    assert report.places["second"].blobs == 0
    assert report.places["first"].error is None
    assert await vault.get(kept.binding.sha256) == other
    assert await vault.get(DIGEST) == DATA
    assert not list(house.second.iterdir())
    house.second.rmdir()
    away.rename(house.second)
    report = await vault.open()
    assert report.places["second"].merged == 1
    assert vault.troubles == {}
    assert BlobStore(house.places[1], house.key).read(kept) == other


async def test_a_share_that_comes_back_takes_what_is_new_at_once(house: House) -> None:
    """But it is in trouble until it has everything."""
    vault = await with_one(house)
    away = house.second.rename(house.second.with_name("away"))
    one, two = artifact(1, seed=1), artifact(2, seed=2)
    await vault.put(kept_of(one, version="1"), one)
    away.rename(house.second)
    await vault.put(kept_of(two, version="2"), two)
    assert len(blobs(house.second)) == 2
    assert "second" in vault.troubles
    await vault.open()
    assert vault.troubles == {}
    assert len(blobs(house.second)) == 3


async def test_what_is_dropped_while_the_share_is_away_comes_back_with_it(
    house: House,
) -> None:
    """It is dropped where it can be; nothing remembers it for the share."""
    vault = await with_one(house)
    away = house.second.rename(house.second.with_name("away"))
    vault.limit = 0
    assert await vault.prune({}) == (KEPT,)
    assert vault.kept() == ()
    away.rename(house.second)
    await vault.open()
    assert vault.kept() == (KEPT,)
    assert await vault.prune({}) == (KEPT,)
    assert [len(blobs(folder)) for folder in house.folders] == [0, 0]


async def test_the_first_place_in_trouble_is_told_to_whoever_puts(
    house: House,
) -> None:
    """What the second place has can be used."""
    await with_one(house)
    shutil.rmtree(house.first)
    house.first.write_bytes(b"not a folder")
    vault = house.vault()
    report = await vault.open()
    assert refusal(report.places["first"].error) == (
        VaultProblem.UNREADABLE,
        str(house.first),
    )
    assert await vault.get(DIGEST) == DATA
    assert vault.kept() == (KEPT,)
    other = artifact(5)
    with pytest.raises(VaultError) as raised:
        await vault.put(kept_of(other), other)
    assert refusal(raised.value) == (VaultProblem.UNWRITABLE, str(house.first))
    # Nothing was changed anywhere.
    assert len(blobs(house.second)) == 1
    house.first.unlink()
    await vault.put(kept_of(other), other)
    await vault.open()
    assert vault.troubles == {}
    assert len(blobs(house.first)) == 2


async def test_a_full_second_place_has_the_most_wanted(house: House) -> None:
    """What runs now before what ran before before what nobody wants."""
    vault = house.alone()
    await vault.open()
    data = [artifact(10, seed=seed) for seed in range(3)]
    kept = [kept_of(each, version=str(n), day=-n) for n, each in enumerate(data)]
    for each, raw in zip(kept, data, strict=True):
        await vault.put(each, raw)
    both = house.vault()
    await both.prune({kept[2].binding.sha256: 0, kept[1].binding.sha256: 1})
    worker = both._workers[1]
    real = worker.blobs.write
    written: list[Kept] = []

    def write(kept: Kept, data: bytes) -> None:
        if written:
            raise VaultError(VaultProblem.FULL, place="there", detail="full")
        written.append(kept)
        real(kept, data)

    worker.blobs.write = write  # type: ignore[method-assign]
    report = await both.open()
    assert written == [kept[2]]
    assert report.places["second"].merged == 1
    assert reason_of(report.places["second"].error) == VaultProblem.FULL
    assert reason_of(both.troubles["second"]) == VaultProblem.FULL
    worker.blobs.write = real  # type: ignore[method-assign]
    report = await both.open()
    assert report.places["second"].merged == 2
    assert both.troubles == {}


async def test_the_same_folder_is_no_second_copy(tmp_path: Path) -> None:
    """By whatever path."""
    key = HouseholdKey.new()
    first = tmp_path / "first"
    first.mkdir()
    link = tmp_path / "link"
    link.symlink_to(first)
    places = [Place("first", first, own=True), Place("second", link, own=False)]
    places[1].establish(key)
    vault = Vault(key, places, limit=LIMIT, clock=lambda: NOON)
    report = await vault.open()
    error = report.places["second"].error
    assert refusal(error) == (VaultProblem.SAME_PLACE, str(link))
    assert error is not None
    assert error.details["other"] == str(first)
    await vault.put(KEPT, DATA)
    await vault.write_ledger({"a": 1})
    assert await vault.read_ledgers() == ({"a": 1},)
    assert len(blobs(first)) == 1
    assert await vault.get(DIGEST) == DATA
    assert refusal(vault.troubles["second"])[0] == VaultProblem.SAME_PLACE
    # Another folder is mounted there: it is looked at again.
    link.unlink()
    link.mkdir()
    places[1].establish(key)
    report = await vault.open()
    assert report.places["second"].merged == 1
    assert vault.troubles == {}


async def test_a_key_that_is_another_one_sees_nothing_and_spoils_nothing(
    house: House,
) -> None:
    """As after a key was lost and a new one made."""
    await with_one(house)
    key = HouseholdKey.new()
    stranger = house.vault(key=key)
    report = await stranger.open()
    assert report.places["first"].foreign == 1
    assert reason_of(report.places["second"].error) == VaultProblem.NOT_THERE
    house.places[1].establish(key)
    report = await stranger.open()
    assert [report.places[name].foreign for name in ("first", "second")] == [1, 1]
    await stranger.put(KEPT, DATA)
    await stranger.prune({})
    vault = house.vault()
    await vault.open()
    assert await vault.get(DIGEST) == DATA


# The ledger.


async def test_what_is_written_down_is_in_every_place(house: House) -> None:
    """And is no blob."""
    vault = house.vault()
    assert await vault.read_ledgers() == ()
    await vault.write_ledger({"floors": {"door": 3}})
    assert await vault.read_ledgers() == ({"floors": {"door": 3}},) * 2
    report = await vault.open()
    for place in report.places.values():
        assert (place.blobs, place.foreign, place.behind, place.ledger) == (
            0,
            0,
            False,
            None,
        )


async def test_a_restored_place_is_known_to_be_behind(house: House) -> None:
    """And what the other has written since is given, before the older."""
    vault = house.vault()
    await vault.write_ledger({"number": 1})
    backup = house.first.with_name("backup")
    shutil.copytree(house.first, backup)
    await vault.write_ledger({"number": 2})
    shutil.rmtree(house.first)
    backup.rename(house.first)
    restored = house.vault()
    report = await restored.open()
    assert [report.places[name].behind for name in ("first", "second")] == [True, False]
    assert await restored.read_ledgers() == ({"number": 2}, {"number": 1})
    # What is written then counts on from the higher one.
    await restored.write_ledger({"number": 3})
    report = await restored.open()
    assert not any(place.behind for place in report.places.values())
    spoil(next(house.first.glob("*.ledger")))
    report = await restored.open()
    assert report.places["first"].behind
    assert refusal(report.places["first"].ledger) == (
        VaultProblem.DAMAGED,
        str(house.first),
    )
    assert await restored.read_ledgers() == ({"number": 3},)


async def test_a_ledger_is_written_where_it_can_be(house: House) -> None:
    """The first place is told of; the others have it all the same."""
    vault = house.vault()
    await vault.write_ledger({"number": 1})
    shutil.rmtree(house.first)
    house.first.write_bytes(b"not a folder")
    with pytest.raises(VaultError) as raised:
        await vault.write_ledger({"number": 2})
    assert refusal(raised.value) == (VaultProblem.UNWRITABLE, str(house.first))
    assert (await vault.read_ledgers())[0] == {"number": 2}
    house.first.unlink()
    shutil.rmtree(house.second)
    await vault.write_ledger({"number": 3})
    assert (await vault.read_ledgers())[0] == {"number": 3}
    assert refusal(vault.troubles["second"])[0] == VaultProblem.NOT_THERE


async def test_what_cannot_be_written_down_is_a_mistake(house: House) -> None:
    """Of whoever calls; it is not taken for trouble with a place."""
    vault = house.vault()
    with pytest.raises(TypeError):
        await vault.write_ledger({"key": object()})
    assert vault.troubles == {}


# The limit.


async def test_the_oldest_goes_first_and_nothing_wanted(house: House) -> None:
    """Until the limit is kept."""
    vault = house.vault()
    await vault.open()
    data = [artifact(10, seed=seed) for seed in range(5)]
    kept = [kept_of(each, version=str(n), day=n) for n, each in enumerate(data)]
    for each, raw in zip(kept, data, strict=True):
        await vault.put(each, raw)
    each_has = vault.size // 5
    vault.limit = 3 * each_has
    assert await vault.prune({kept[0].binding.sha256: 2}) == (kept[1], kept[2])
    assert vault.kept() == (kept[0], kept[3], kept[4])
    assert vault.size == 3 * each_has
    assert [len(blobs(folder)) for folder in house.folders] == [3, 3]
    assert await vault.prune({}) == ()
    vault.limit = 0
    wanted = {kept[4].binding.sha256: 0, kept[0].binding.sha256: 1}
    assert await vault.prune(wanted) == (kept[3],)
    assert vault.size == 2 * each_has
    assert await vault.prune({}) == (kept[0], kept[4])
    assert (vault.size, vault.kept()) == (0, ())
    assert (await refused(vault, kept[0].binding.sha256)).reason is (
        VaultProblem.NOT_KEPT
    )


async def test_what_cannot_be_removed_is_not_dropped(house: House, disk: Disk) -> None:
    """It is still there, and the place is in trouble."""
    vault = await with_one(house)
    vault.limit = 0

    def refuse(_: str, **__: object) -> None:
        raise OSError(30, "read-only")

    disk.refuse("unlink", refuse)
    assert await vault.prune({}) == ()
    assert set(vault.troubles) == {"first", "second"}
    assert await vault.get(DIGEST) == DATA
    disk.accept("unlink")
    assert await vault.prune({}) == (KEPT,)
    assert not blobs(house.first)


async def test_what_was_dropped_is_dropped_under_any_name(house: House) -> None:
    """Else it would come back at the next start."""
    _, kept, _ = await with_two(house)
    blobs_there = BlobStore(house.places[0], house.key)
    for folder in house.folders:
        one = folder / blobs_there.name_of(kept[0].binding)
        one.rename(folder / "renamed.blob")
    vault = house.vault()
    await vault.open()
    vault.limit = vault.size // 2
    assert await vault.prune({}) == (kept[0],)
    await vault.open()
    assert vault.kept() == (kept[1],)


async def test_a_vault_has_a_place(house: House) -> None:
    """One at least."""
    with pytest.raises(ValueError, match="place"):
        Vault(house.key, (), limit=LIMIT, clock=lambda: NOON)
