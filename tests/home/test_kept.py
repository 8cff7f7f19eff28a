"""What is kept on disk: from an earlier version, damaged, and in the middle of it."""

from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch.adapters.journal import (
    JournalFile,
    JournalUnreadableError,
)
from custom_components.nightlatch.core.installation.journal import JournalEntry
from custom_components.nightlatch.core.installation.states import State
from custom_components.nightlatch.core.model import Origin
from homeassistant.config_entries import ConfigEntryState
from homeassistant.util import dt as dt_util

from .flows import until
from .house import EVENT, FRONT_DOOR, OUTCOME, House


def journal_path(house: House) -> Path:
    """Return where the journal lies."""
    return Path(
        house.hass.config.path(".storage", f"nightlatch.{house.entry.entry_id}.journal")
    )


def entry_of(house: House, state: State = State.TRANSFERRING) -> JournalEntry:
    """Return an installation of 1.1.0 on the front door that was cut off."""
    lock = house.managed()
    release = lock.release
    return JournalEntry(
        attempt="cut off",
        lock_id=lock.subentry_id,
        name=lock.name,
        address=lock.kind.key,
        feed_id=lock.feed_id or "",
        model="KL-1",
        version="1.1.0",
        sha256=release.key if release else "gone",
        origin=Origin.PERSON,
        started=dt_util.utcnow(),
        from_version="1.0.0",
        state=state,
    )


async def cut_off(house: House, entry: JournalEntry) -> None:
    """Stop Nightlatch, and start it as if an installation had been cut off."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    journal_path(house).parent.mkdir(exist_ok=True)
    journal_path(house).write_text(json.dumps(entry.to_dict()))
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)


async def test_the_first_version_is_understood(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """With how the last installation ended."""
    await house.release("1.1.0")
    await house.install()
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    stored = hass_storage[f"nightlatch.{house.entry.entry_id}"]
    stored["minor_version"] = 1
    for key in ("decisions", "announced_night", "digest"):
        del stored["data"][key]
    (record,) = stored["data"]["locks"].values()
    del record["batteries"]
    (outcome,) = record.pop("history")
    record["outcome"] = {
        key: outcome[key]
        for key in ("kind", "ended", "seconds", "from_version", "to_version", "message")
    }
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.settle()
    assert house.state(OUTCOME).state == "succeeded"
    (kept,) = house.managed().record.history
    assert (kept.from_version, kept.to_version) == ("1.0.0", "1.1.0")
    assert kept.touched


async def test_a_later_version_is_not_guessed_at(
    house: House, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nightlatch does not start, and says why."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    hass_storage[f"nightlatch.{house.entry.entry_id}"]["version"] = 2
    assert not await house.hass.config_entries.async_setup(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    caplog.clear()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"attempt": 5}'])
async def test_a_damaged_journal_is_told_of(
    house: House, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody pretends that nothing was under way."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    journal_path(house).parent.mkdir(exist_ok=True)
    journal_path(house).write_text(text)
    assert not await house.hass.config_entries.async_setup(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    assert house.entry.reason is not None
    assert "See that all locks lock and unlock" in house.entry.reason
    caplog.clear()
    journal_path(house).unlink()
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()


async def test_a_journal_that_cannot_be_written_is_an_error(house: House) -> None:
    """It is not only logged."""
    journal = JournalFile(house.hass, "nowhere")
    journal._path = Path("/proc/nowhere/journal")
    with pytest.raises(OSError, match="nowhere"):
        await journal.write(entry_of(house))


async def test_a_journal_that_cannot_be_read_is_an_error(house: House) -> None:
    """A folder in its place, for instance."""
    journal = JournalFile(house.hass, "folder")
    journal._path.mkdir(parents=True)
    with pytest.raises(JournalUnreadableError):
        await journal.async_load()


async def test_the_journal_is_gone_after_the_end(house: House) -> None:
    """It is there only while something is under way."""
    await house.release("1.1.0")
    await house.install()
    assert not journal_path(house).exists()


async def test_what_was_cut_off_goes_on_by_itself(house: House) -> None:
    """And keeps its name: the same attempt, asked for by the same."""
    await house.release("1.1.0")
    await cut_off(house, entry_of(house))
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await house.settle()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    (outcome,) = house.managed().record.history
    assert (outcome.attempt, outcome.origin) == ("cut off", "person")
    assert house.state(EVENT).attributes["event_type"] == "update_installed"


@pytest.mark.parametrize(
    ("runs", "kind"), [("1.0.0", "failed"), ("1.1.0", "succeeded")]
)
async def test_a_release_withdrawn_meanwhile_ends_honestly(
    house: House, runs: str, kind: str
) -> None:
    """By what the lock runs."""
    entry = entry_of(house)
    house.locks[FRONT_DOOR].comes_back_as = runs
    await cut_off(house, entry)
    await until(lambda: house.state(OUTCOME).state == kind)
    await house.settle()
    assert house.state().attributes["installed_version"] == runs
    assert not journal_path(house).exists()


async def test_a_lock_that_is_silent_after_a_cut_needs_a_hand(house: House) -> None:
    """Without its release there is nobody else who can help."""
    entry = entry_of(house)
    house.locks[FRONT_DOOR].cut_power()
    await cut_off(house, entry)
    await until(lambda: house.state(OUTCOME).state == "needs_hand")
    await house.settle()
    assert house.state(EVENT).attributes["event_type"] == "manual_step_needed"


async def test_the_journal_of_a_lock_that_is_gone_is_forgotten(house: House) -> None:
    """There is nothing to go on with."""
    await cut_off(house, replace(entry_of(house), lock_id="gone"))
    await until(lambda: not journal_path(house).exists())
    await house.settle()
    assert house.state(OUTCOME).state == "unknown"


async def test_a_feed_that_stays_silent_after_a_cut(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is waited for, not for ever."""
    monkeypatch.setattr("custom_components.nightlatch.kinds.direct.FEED_TIMEOUT", 0.3)
    await house.release("1.1.0")
    entry = entry_of(house)
    await house.vendor.stop()
    await cut_off(house, entry)
    await until(lambda: house.state(OUTCOME).state == "failed")
    await house.settle()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
