"""The power goes in the whole house, in the middle of a transfer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState
from homeassistant.exceptions import HomeAssistantError
from tests.rig.bootloader import MAX_DATA_OBJECT
from tests.rig.lock import Mode

from .flows import until
from .house import FRONT_DOOR, OUTCOME, PROBLEM, House
from .night import Night
from .test_recovery import issue_keys, one_bank  # noqa: F401


async def lose_power(house: House) -> None:
    """Cut off an installation on the front door; the lock has lost its firmware."""
    lock = house.locks[FRONT_DOOR]
    await house.release("1.1.0")
    lock.cut_power_at(MAX_DATA_OBJECT)
    pressed = asyncio.create_task(house.install())
    await until(lambda: lock.mode is Mode.OFF)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        await pressed
    assert caught.value.translation_key == "installation_interrupted"
    assert lock.version is None


async def start_again(house: House, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Start Nightlatch with Home Assistant; do something before that is done."""
    house.hass.set_state(CoreState.starting)
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await meanwhile()
    house.hass.set_state(CoreState.running)
    house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)


async def test_it_goes_on_out_of_the_vault_though_the_vendor_is_away(
    one_bank: House,  # noqa: F811
) -> None:
    """And nobody is told that a stranger has sent the lock to its bootloader."""
    house, night = one_bank, Night(one_bank)
    lock = house.locks[FRONT_DOOR]
    await lose_power(house)
    before = len(night.types())
    await house.vendor.stop()

    async def hear_bootloader() -> None:
        lock.restore_power()
        await until(lambda: house.managed().in_bootloader)
        assert issue_keys(house) == []

    await start_again(house, hear_bootloader)
    await until(lambda: house.state(OUTCOME).state == "succeeded")
    await house.settle()
    assert lock.version == "1.1.0"
    assert house.state().attributes["installed_version"] == "1.1.0"
    assert house.state(PROBLEM).state == "off"
    assert issue_keys(house) == []
    assert night.types()[before:] == ["update_started", "update_installed"]
