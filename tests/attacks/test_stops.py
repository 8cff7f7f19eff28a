"""A cancel, a removal, a reload in every state, while the journal is being written.

A thread that writes cannot be stopped. So what was cancelled must not come back by a
write that ends late, and what was under way must not be lost by one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import threading
import time
from typing import Any

import pytest

from custom_components.nightlatch.adapters.journal import JournalFile
from custom_components.nightlatch.core.installation.states import CANCELLABLE, State
from custom_components.nightlatch.core.model import OutcomeKind
from homeassistant.exceptions import HomeAssistantError
from tests.home.asked import cancel, install
from tests.home.flows import until
from tests.home.house import FRONT_DOOR, OUTCOME, House
from tests.home.test_kept import journal_path
from tests.rig.lock import Mode

from .table import Tried

# One that waits for its turn writes nothing yet; one on trial is cut at every moment in
# tests/core/installation/test_trial.py.
WRITTEN = [
    state
    for state in State
    if state not in {*OutcomeKind, State.PLANNED, State.REVERTING}
]
DELAYS = [0.05, 0.2, 1.0]


class SlowDisk:
    """Lets the first write of one state take its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand between the journal and the disk."""
        self._state: State | None = None
        self._delay = 0.0
        self._begun = threading.Event()
        real: Callable[[JournalFile, str], None] = JournalFile._write

        def write(journal: JournalFile, text: str) -> None:
            if self._state is not None and f'"state": "{self._state}"' in text:
                self._state = None
                self._begun.set()
                time.sleep(self._delay)
            real(journal, text)

        monkeypatch.setattr(JournalFile, "_write", write)

    def slow_down(self, state: State, delay: float) -> None:
        """Let the next write of a state take longer."""
        self._state, self._delay = state, delay
        self._begun.clear()

    async def writes(self) -> None:
        """Wait until it has begun to write."""
        await until(self._begun.is_set)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """Return a disk that is slow."""
    return SlowDisk(monkeypatch)


async def begin(house: House, disk: SlowDisk, state: State, delay: float) -> Any:
    """Begin to install, and return while a state is being written down."""
    disk.slow_down(state, delay)
    press = asyncio.create_task(install(house.managed()))
    await disk.writes()
    return press


async def restart(house: House) -> None:
    """Stop Nightlatch and start it."""
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()


@pytest.mark.parametrize("delay", DELAYS)
async def test_what_was_cancelled_does_not_come_back(
    house: House, disk: SlowDisk, delay: float, attack: Tried
) -> None:
    """However late its last write ends."""
    await house.release("1.1.0")
    for state in WRITTEN:
        press = await begin(house, disk, state, delay)
        if state not in CANCELLABLE:
            with pytest.raises(HomeAssistantError) as caught:
                await cancel(house.managed())
            assert caught.value.translation_key == "too_late_to_cancel"
            with suppress(HomeAssistantError):
                # A lock that had to wait for long may have gone back by itself.
                await press
            assert house.state(OUTCOME).state in {"succeeded", "failed"}
            assert not journal_path(house).exists()
            break
        await cancel(house.managed())
        with pytest.raises(HomeAssistantError) as caught:
            await press
        assert caught.value.translation_key == "installation_cancelled", state
        # No later than this anything that was begun has ended.
        await asyncio.to_thread(time.sleep, delay)
        assert not journal_path(house).exists(), state
        await restart(house)
        assert house.runtime.journal.current is None
        assert house.state(OUTCOME).state == "cancelled", state
        assert house.locks[FRONT_DOOR].version == "1.0.0", state
    attack(
        f"cancel, journal {delay * 1000:.0f} ms", len(WRITTEN) - 1, "nothing came back"
    )


@pytest.mark.parametrize("delay", DELAYS)
async def test_what_was_on_a_removed_lock_does_not_come_back(
    house: House, disk: SlowDisk, delay: float, attack: Tried
) -> None:
    """In whatever state it was."""
    await house.release("1.1.0")
    virtual = house.locks[FRONT_DOOR]
    for state in WRITTEN:
        press = await begin(house, disk, state, delay)
        await house.remove("Front door")
        with pytest.raises(HomeAssistantError):
            await press
        await asyncio.to_thread(time.sleep, delay)
        assert not journal_path(house).exists(), state
        assert await house.hass.config_entries.async_reload(house.entry.entry_id)
        await house.settle()
        assert house.runtime.journal.current is None, state
        assert house.runtime.locks == {}
        await until(lambda: virtual.mode is Mode.APPLICATION)
        if virtual.version != "1.0.0":
            # It had everything, and has started it by itself.
            assert state is State.CONFIRMING
            break
        await house.add_lock_already_up(FRONT_DOOR, "Front door")
    attack(f"removal, journal {delay * 1000:.0f} ms", len(WRITTEN), "nothing came back")


@pytest.mark.parametrize("delay", DELAYS)
async def test_what_was_under_way_is_not_lost_by_a_reload(
    house: House, disk: SlowDisk, delay: float, attack: Tried
) -> None:
    """It goes on, and comes to its end once."""
    for number, state in enumerate(WRITTEN, 1):
        version = f"1.{number}.0"
        await house.release(version)
        press = await begin(house, disk, state, delay)
        attempt = None
        assert await house.hass.config_entries.async_reload(house.entry.entry_id)
        unfinished = house.runtime.journal.current
        with pytest.raises(HomeAssistantError) as caught:
            await press
        assert caught.value.translation_key == "installation_interrupted"
        await until(lambda v=version: house.locks[FRONT_DOOR].version == v)  # type: ignore[misc]
        await until(lambda: not journal_path(house).exists())
        await house.settle()
        attempt = house.managed().record.history[-1].attempt
        assert unfinished is None or unfinished.attempt == attempt
        assert [each.to_version for each in house.managed().record.history] == [
            f"1.{each}.0" for each in range(1, number + 1)
        ], state
        assert house.state(OUTCOME).state == "succeeded", state
    attack(f"reload, journal {delay * 1000:.0f} ms", len(WRITTEN), "all went on")


@pytest.mark.parametrize("stop", ["cancel", "removal", "reload"])
async def test_who_waits_for_its_turn_leaves_nothing(
    house: House, stop: str, attack: Tried
) -> None:
    """Nothing was begun, so nothing goes on."""
    await house.release("1.1.0")
    async with house.runtime.queue.short_use():
        press = asyncio.create_task(install(house.managed()))
        await until(lambda: house.managed().progress is not None)
        if stop == "cancel":
            await cancel(house.managed())
        elif stop == "removal":
            house.hass.config_entries.async_remove_subentry(
                house.entry, house.subentry("Front door").subentry_id
            )
        else:
            await house.hass.config_entries.async_unload(house.entry.entry_id)
        with pytest.raises(HomeAssistantError):
            await press
    await house.settle()
    assert not journal_path(house).exists()
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()
    assert house.runtime.journal.current is None
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    attack(f"{stop} while it waits for its turn", 1, "nothing came back")
