"""The log says once that a lock is out of reach, and once that it is back."""

import pytest

from homeassistant.util import dt as dt_util

from .house import FRONT_DOOR, House
from .zigbee_house import SOURCE, ZigbeeHouse

LOGGER = "custom_components.nightlatch.monitoring.reach"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says of the reach of locks."""
    return [each.getMessage() for each in caplog.records if each.name == LOGGER]


async def look(home: House | ZigbeeHouse, *, times: int = 2) -> None:
    """Let minutes pass."""
    for _ in range(times):
        await home.runtime.scheduler.async_look(dt_util.utcnow())


async def test_a_guarded_lock_goes_and_comes_back(
    zigbee_home: ZigbeeHouse, caplog: pytest.LogCaptureFixture
) -> None:
    """However often somebody looks."""
    caplog.set_level("INFO", LOGGER)
    await zigbee_home.add_lock()
    hass = zigbee_home.hass
    await look(zigbee_home)
    assert said(caplog) == []
    there = zigbee_home.state(SOURCE)
    hass.states.async_set(SOURCE, "unavailable")
    await look(zigbee_home)
    assert said(caplog) == ["Side door is out of reach"]
    hass.states.async_set(SOURCE, there.state, there.attributes)
    await look(zigbee_home)
    assert said(caplog) == ["Side door is out of reach", "Side door is in reach again"]


async def test_a_lock_in_the_air(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """One that falls silent while it is updated has not gone."""
    caplog.set_level("INFO", LOGGER)
    await look(house)
    lock = house.managed()
    assert lock.kind.radio().heard
    await house.release("1.1.0")
    await house.install()
    await look(house)
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert said(caplog) == []
