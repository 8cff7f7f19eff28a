"""Whatever happens while something is written: what was there before is there after."""

from collections.abc import Awaitable, Callable
import errno
from pathlib import Path
import sys
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.vault.blob import CHUNK

from .disk import Disk, PowerCutError, disk_under_the_vault
from .house import House, artifact, blobs, holds, kept_of, nothing

__all__ = ["disk_under_the_vault"]

OLD = artifact(CHUNK + 10, seed=1)
NEW = artifact(2 * CHUNK + 10, seed=2)
OLD_KEPT = kept_of(OLD, version="1.0.0", about={"state": "old"})
NEW_KEPT = kept_of(NEW, version="2.0.0", about={"state": "new"})
AGAIN_KEPT = kept_of(OLD, version="1.0.0", day=1, about={"state": "newer"})

type Change = Callable[[House], Awaitable[object]]


async def put_new(house: House) -> None:
    """Keep something that was not there."""
    vault = house.alone()
    await vault.open()
    await vault.put(NEW_KEPT, NEW)


async def put_again(house: House) -> None:
    """Keep what is there once more, with something else to tell."""
    vault = house.alone()
    await vault.open()
    await vault.put(AGAIN_KEPT, OLD)


async def write_ledger(house: House) -> None:
    """Write down what must not sink."""
    vault = house.alone()
    await vault.open()
    await vault.write_ledger({"state": "new"})


async def refusal_of(change: Awaitable[object]) -> VaultError | None:
    """Return what a change was refused with, if it was."""
    try:
        await change
    except VaultError as err:
        return err
    return None


CHANGES: list[Change] = [put_new, put_again, write_ledger]


async def prepared(tmp_path: Path) -> House:
    """Return a house that has something already."""
    house = House(tmp_path)
    vault = house.alone()
    await vault.open()
    await vault.put(OLD_KEPT, OLD)
    await vault.write_ledger({"state": "old"})
    return house


async def check(house: House) -> dict[str, Any]:
    """Check that everything is whole, and return what is there."""
    vault = house.alone()
    report = await vault.open()
    place = report.places["first"]
    assert (place.error, place.damaged, place.ledger) == (None, (), None)
    test = await vault.test(holds, nothing)
    assert (test.damaged, test.unproven) == ((), ())
    assert not list(house.first.glob("*.part"))
    assert await vault.get(OLD_KEPT.binding.sha256) == OLD
    there = {kept.binding.version: kept for kept in vault.kept()}
    if "2.0.0" in there:
        assert there["2.0.0"] == NEW_KEPT
        assert await vault.get(NEW_KEPT.binding.sha256) == NEW
    assert there["1.0.0"] in (OLD_KEPT, AGAIN_KEPT)
    ledgers = await vault.read_ledgers()
    assert ledgers in (({"state": "old"},), ({"state": "new"},))
    return {
        "put_new": "2.0.0" in there,
        "put_again": there["1.0.0"] == AGAIN_KEPT,
        "write_ledger": ledgers == ({"state": "new"},),
    }


async def steps_of(tmp_path: Path, change: Change, disk: Disk) -> list[str]:
    """Return the steps of a change."""
    house = await prepared(tmp_path / "dry")
    disk.power_back()
    await change(house)
    names = list(disk.steps)
    assert {"write", "fsync", "rename", "open", "close"} <= set(names)
    disk.power_back()
    return names


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("forgets_names", [False, True])
async def test_the_power_is_cut_at_any_step(
    tmp_path: Path, disk: Disk, change: Change, forgets_names: bool
) -> None:
    """Either the old or the new is there, whole; and all of what else was there."""
    names = await steps_of(tmp_path, change, disk)
    ends = []
    for step, name in enumerate(names):
        for half in (False, True) if name == "write" else (False,):
            house = await prepared(tmp_path / f"{step}-{half}")
            disk.power_back()
            disk.fail_at, disk.half = step, half
            disk.failure = PowerCutError
            disk.forgets_names = forgets_names
            with pytest.raises(PowerCutError):
                await change(house)
            disk.power_back()
            ends.append((await check(house))[change.__name__])
    # It changes at one step, from one to the other.
    assert ends == [False] * ends.count(False) + [True] * ends.count(True)
    assert set(ends) == {False, True}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_done_stays_done(
    tmp_path: Path, disk: Disk, change: Change
) -> None:
    """The power is cut as soon as it is said that it is on disk."""
    house = await prepared(tmp_path)
    disk.forgets_names = True
    await change(house)
    disk.cut_now()
    assert (await check(house))[change.__name__] is True


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, VaultProblem.FULL),
        (errno.EIO, VaultProblem.UNWRITABLE),
    ],
)
async def test_the_disk_refuses_any_step(
    tmp_path: Path, disk: Disk, change: Change, number: int, reason: VaultProblem
) -> None:
    """It is said why, nothing was changed, and it works when the disk does."""
    names = await steps_of(tmp_path, change, disk)
    refused = 0
    for step, name in enumerate(names):
        house = await prepared(tmp_path / str(step))
        disk.power_back()
        disk.fail_at = step
        disk.half = bool(step % 2)
        disk.failure = lambda: OSError(number, "refused")
        if (err := await refusal_of(change(house))) is not None:
            refused += 1
            assert err.details["place"] == str(house.first)
            assert err.details["detail"]
            if name in {"write", "fsync", "rename"}:
                assert err.reason is reason
                assert not list(house.first.glob("*.part"))
        disk.power_back()
        await check(house)
        await change(house)
        assert (await check(house))[change.__name__] is True
    assert refused >= 4


@pytest.mark.parametrize("sizes", [(10,), (CHUNK,), (3 * CHUNK + 7,)])
async def test_no_plaintext_is_ever_on_disk(
    tmp_path: Path, disk: Disk, sizes: tuple[int, ...]
) -> None:
    """Looked for after every step of every file, also when the writing is cut."""
    house = House(tmp_path)
    data = b"".join(artifact(size, seed=9) for size in sizes)
    kept = kept_of(data, about={"notes": "Told to nobody"})
    told = [b"Told to nobody", b"Keyway One", b"Example Locks", b"1.2.3"]
    told += [kept.binding.sha256.encode(), bytes.fromhex(kept.binding.sha256)]
    told += [data[at : at + 8] for at in range(0, max(1, len(data) - 8), 4000)]
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        for path in tmp_path.rglob("*"):
            if path.is_file():
                raw = path.read_bytes() + path.name.encode()
                assert not [each for each in told if each in raw], path

    disk.look = look
    opened: list[str] = []
    _watch_opening(opened)
    try:
        await _put_and_cut(house, disk, kept, data)
    finally:
        _watch_opening(None)
    assert looks > 20
    assert [name for name in opened if name.endswith(".part")]
    assert all(name.endswith(".part") for name in opened), opened


async def _put_and_cut(house: House, disk: Disk, kept: Any, data: bytes) -> None:
    """Keep an artifact, once as it should go, and once cut at each step."""
    vault = house.vault()
    await vault.open()
    await vault.put(kept, data)
    await vault.get(kept.binding.sha256)
    await vault.test(holds, nothing)
    for path in (*blobs(house.first), *blobs(house.second)):
        path.unlink()
    await vault.open()
    for step in range(12):
        disk.power_back()
        disk.fail_at, disk.half, disk.failure = step, True, PowerCutError
        with pytest.raises(PowerCutError):
            await vault.put(kept, data)
        disk.power_back()
        disk.look()


_opened: list[str] | None = None


def _watch_opening(names: list[str] | None) -> None:
    """Write down which files are opened for writing, by whatever means."""
    global _opened  # noqa: PLW0603
    if names is not None and not _hooked:
        sys.addaudithook(_hook)
        _hooked.append(True)
    _opened = names


_hooked: list[bool] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if _opened is not None and event == "open" and args[2] & 3:
        _opened.append(str(args[0]))
