"""A place that hangs holds up nothing else, and nothing is done by halves."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
import threading
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.vault import place_worker
from custom_components.nightlatch.core.vault.blob_store import BlobStore
from custom_components.nightlatch.core.vault.kept import Kept
from custom_components.nightlatch.core.vault.vault import Vault

from .house import House, artifact, blobs, kept_of, reason_of

DATA = artifact(1000)
KEPT = kept_of(DATA)


class Gate:
    """Holds what goes through it until it is opened."""

    def __init__(self, blobs_there: BlobStore, work: str) -> None:
        """Stand in front of some work of a blobs_there."""
        self.reached = threading.Event()
        self.passed = 0
        self._open = threading.Event()
        self._real = getattr(blobs_there, work)
        setattr(blobs_there, work, self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Wait, then do it."""
        self.reached.set()
        assert self._open.wait(20)
        self.passed += 1
        return self._real(*args, **kwargs)

    def open(self) -> None:
        """Let everything through from now on."""
        self._open.set()

    async def is_reached(self) -> None:
        """Wait until something stands before it."""
        assert await asyncio.to_thread(self.reached.wait, 20)


@pytest.fixture(name="house")
def house_on_disk(tmp_path: Path) -> House:
    """Return a house."""
    return House(tmp_path)


@pytest.fixture(name="_soon")
def deadline_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the deadline of a step be short."""
    monkeypatch.setattr(place_worker, "DEADLINE", 0.2)


@pytest.fixture(name="gates")
def gates_opened_in_the_end() -> Iterator[list[Gate]]:
    """Keep the gates of a test, and leave none shut."""
    gates: list[Gate] = []
    yield gates
    for gate in gates:
        gate.open()


async def opened(house: House) -> Vault:
    """Return a vault that was opened."""
    vault = house.vault()
    await vault.open()
    return vault


@pytest.mark.usefixtures("_soon")
async def test_a_share_that_hangs_is_told_and_asked_no_more(
    house: House, gates: list[Gate]
) -> None:
    """One thread hangs, not one for each time that something is put."""
    vault = await opened(house)
    gate = Gate(vault._workers[1].blobs, "write")
    gates.append(gate)
    loop = asyncio.get_running_loop()
    await vault.put(KEPT, DATA)
    assert reason_of(vault.troubles["second"]) == VaultProblem.NO_ANSWER
    assert vault.troubles["second"].details["place"] == str(house.second)
    before = loop.time()
    for number in range(5):
        data = artifact(10, seed=number)
        await vault.put(kept_of(data), data)
        await vault.write_ledger({"number": number})
    report = await vault.open()
    assert loop.time() - before < 5
    assert reason_of(report.places["second"].error) == VaultProblem.NO_ANSWER
    assert await vault.get(KEPT.binding.sha256) == DATA
    assert gate.passed == 0
    # It answers after all: what was begun is whole, and what was missed is made up for.
    gate.open()
    under_way = vault._workers[1]._under_way
    assert under_way is not None
    await under_way
    report = await vault.open()
    assert report.places["second"].error is None
    assert vault.troubles == {}
    assert len(blobs(house.second)) == len(blobs(house.first)) == 6


@pytest.mark.usefixtures("_soon")
async def test_a_first_place_that_hangs_gives_way_to_the_second(
    house: House, gates: list[Gate]
) -> None:
    """A door waits for the firmware, not for a disk."""
    vault = await opened(house)
    await vault.put(KEPT, DATA)
    gates.append(Gate(vault._workers[0].blobs, "read"))
    assert await vault.get(KEPT.binding.sha256) == DATA
    assert reason_of(vault.troubles["first"]) == VaultProblem.NO_ANSWER
    with pytest.raises(VaultError) as raised:
        await vault.put(kept_of(b"", version="2"), b"")
    assert raised.value.reason is VaultProblem.NO_ANSWER


async def test_who_waits_may_go_away_and_it_is_done_all_the_same(
    house: House, gates: list[Gate]
) -> None:
    """Whatever comes next in that place waits for it."""
    vault = await opened(house)
    gate = Gate(vault._workers[0].blobs, "write")
    gates.append(gate)
    putting = asyncio.create_task(vault.put(KEPT, DATA))
    await gate.is_reached()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    other = artifact(5, seed=3)
    next_one = asyncio.create_task(vault.put(kept_of(other, version="2"), other))
    await asyncio.sleep(0.05)
    assert not next_one.done()
    gate.open()
    await next_one
    await vault.close()
    assert gate.passed == 2
    # Nobody told the second place of the first; opening does.
    await vault.open()
    assert await vault.get(KEPT.binding.sha256) == DATA
    assert [len(blobs(folder)) for folder in house.folders] == [2, 2]


async def test_who_went_away_is_not_told_what_went_wrong(
    house: House, gates: list[Gate], caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing complains that nobody asked."""
    vault = await opened(house)
    blobs_there = vault._workers[0].blobs

    def fails(kept: Kept, data: bytes) -> None:
        raise VaultError(VaultProblem.FULL, place="there", detail="full")

    blobs_there.write = fails  # type: ignore[method-assign]
    gate = Gate(blobs_there, "write")
    gates.append(gate)
    putting = asyncio.create_task(vault.put(KEPT, DATA))
    await gate.is_reached()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    gate.open()
    await vault.close()
    del putting, vault
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text


async def test_closing_waits_for_what_is_written(
    house: House, gates: list[Gate]
) -> None:
    """So that a vault that is opened next finds everything."""
    vault = await opened(house)
    gate = Gate(vault._workers[0].blobs, "write")
    gates.append(gate)
    putting = asyncio.create_task(vault.put(KEPT, DATA))
    await gate.is_reached()
    putting.cancel()
    closing = asyncio.create_task(vault.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    gate.open()
    await closing
    again = await opened(house)
    assert await again.get(KEPT.binding.sha256) == DATA


async def test_many_at_once_do_not_disturb_each_other(house: House) -> None:
    """Puts, gets, tests and prunings of the same vault."""
    vault = await opened(house)
    data = [artifact(100, seed=seed) for seed in range(8)]
    kept = [kept_of(each, version=str(n), day=n) for n, each in enumerate(data)]
    await vault.put(kept[0], data[0])

    async def nothing(_: Kept) -> bytes | None:
        return None

    results = await asyncio.gather(
        *(vault.put(each, raw) for each, raw in zip(kept, data, strict=True)),
        *(vault.get(kept[0].binding.sha256) for _ in range(5)),
        vault.open(),
        vault.test(lambda *_: None, nothing),
        vault.prune({}),
        vault.write_ledger({"a": 1}),
        vault.open(),
    )
    assert results[8:13] == [data[0]] * 5
    assert len(vault.kept()) == 8
    report = await vault.test(lambda *_: None, nothing)
    assert (report.sound, report.damaged) == (16, ())
