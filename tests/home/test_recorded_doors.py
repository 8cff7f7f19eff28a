"""What Home Assistant's recorder has seen of doors is taken over, once, if it answers."""

from datetime import datetime, timedelta
import threading
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (  # type: ignore[import-untyped]
    async_wait_recording_done,
)
from sqlalchemy.exc import SQLAlchemyError

from custom_components.nightlatch.adapters import door_events
from custom_components.nightlatch.adapters.door_events import async_recorded, is_use
from custom_components.nightlatch.core.model import Origin, OutcomeKind
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.schedule.door_use import HalfHour, half_hour_of
from homeassistant.components.recorder import Recorder, history
from homeassistant.core import HomeAssistant, State
from homeassistant.util import dt as dt_util

from .flows import until
from .house import House
from .night import Night
from .vaulted import set_options

DOOR, BOLT = "binary_sensor.front", "lock.front"


@pytest.fixture
def mock_recorder_before_hass(async_test_recorder: Any) -> None:
    """Let there be a database before there is a Home Assistant."""


async def pass_time(house: House, freezer: FrozenDateTimeFactory, minutes: int) -> None:
    """Let time pass for whoever looks at the clock."""
    freezer.tick(timedelta(minutes=minutes))
    await house.settle()


def half_hour(at: datetime) -> HalfHour:
    """Return the half hour that a moment lies in, as the household counts it."""
    return half_hour_of(at, dt_util.get_default_time_zone())


async def test_what_was_recorded_of_a_door_is_taken_over_once(
    recorder_mock: Recorder, house: House, freezer: FrozenDateTimeFactory
) -> None:
    """Its use and its gaps; what happened while we were at it ourselves is not use."""
    hass, night = house.hass, Night(house)
    begin = dt_util.utcnow()
    hass.states.async_set(DOOR, "off")
    hass.states.async_set(BOLT, "locked")
    await pass_time(house, freezer, 70)
    used = dt_util.utcnow()
    hass.states.async_set(DOOR, "on")
    await pass_time(house, freezer, 70)
    ours = dt_util.utcnow()
    hass.states.async_set(BOLT, "unlocked")
    await pass_time(house, freezer, 70)
    hass.states.async_set(BOLT, "unavailable")
    await pass_time(house, freezer, 70)
    hass.states.async_set(BOLT, "locked")
    await pass_time(house, freezer, 70)
    await async_wait_recording_done(hass)
    lock = house.managed()
    minute = timedelta(minutes=1)
    lock.async_note_ended(
        OutcomeRecord(
            attempt="1",
            kind=OutcomeKind.SUCCEEDED,
            origin=Origin.AUTOMATION,
            started=ours - minute,
            ended=ours + minute,
            seconds=120,
            from_version="1.0.0",
            to_version="1.1.0",
        )
    )
    night.set_lock(door_entity=DOOR, lock_entity=BOLT)
    await set_options(house, learn=True)
    watch = house.runtime.door_use
    house.runtime.locks.async_minute()
    await until(lambda: any(watch.use.watched))
    assert bits(watch.use.used) == {half_hour(used).slot}
    watched = bits(watch.use.watched)
    there = [begin + timedelta(minutes=5 * each) for each in range(2, 70)]
    gap = {half_hour(used + timedelta(minutes=each)).slot for each in range(140, 210)}
    assert not watched & gap
    assert len(watched) >= 5
    assert watched <= {half_hour(each).slot for each in there}
    # And not again: what was asked for is answered.
    with patch.object(door_events, "get_instance") as asked:
        house.runtime.locks.async_minute()
        await house.settle()
    assert not asked.called
    hass.states.async_remove(DOOR)
    hass.states.async_remove(BOLT)
    await house.settle()


def bits(words: tuple[int, ...]) -> set[int]:
    """Return in which half hours of the week there was something."""
    return {slot for slot, word in enumerate(words) if word}


async def test_a_bolt_is_recorded_with_what_says_whose_deed_it_was(
    recorder_mock: Recorder, hass: HomeAssistant
) -> None:
    """As it is told live; else nobody who shuts a door would count."""
    for state, by in (("unlocked", None), ("locked", "Keypad")):
        hass.states.async_set(BOLT, state, {"changed_by": by})
        await hass.async_block_till_done()
    await async_wait_recording_done(hass)
    found = await async_recorded(hass, [BOLT, DOOR], dt_util.utcnow())
    assert [each.state for each in found[BOLT]] == ["unlocked", "locked"]
    assert is_use(*found[BOLT])
    assert found[DOOR] == []


async def test_a_database_that_hangs_holds_nothing(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is waited for with a deadline; then there is nothing, and a word in the log."""
    release = threading.Event()

    def hang(*_: object, **__: object) -> dict[str, list[State]]:
        release.wait(30)
        return {}

    monkeypatch.setattr(door_events, "_RECORDER_WITHIN", 0.05)
    monkeypatch.setattr(history, "state_changes_during_period", hang)
    try:
        assert await async_recorded(hass, [DOOR], dt_util.utcnow()) == {}
    finally:
        release.set()
    assert "What was recorded of doors cannot be read" in caplog.text


async def test_a_database_that_fails_is_as_one_that_is_not_there(
    recorder_mock: Recorder,
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever it raises."""

    def fail(*_: object, **__: object) -> dict[str, list[State]]:
        raise SQLAlchemyError("disk I/O error")

    monkeypatch.setattr(history, "state_changes_during_period", fail)
    assert await async_recorded(hass, [DOOR], dt_util.utcnow()) == {}
    assert "disk I/O error" in caplog.text
