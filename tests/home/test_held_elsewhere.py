"""Another integration is always connected to the lock, so the lock is never heard."""

import pytest

from custom_components.nightlatch.core.preflight.base import Reason, Verdict
from homeassistant.components import bluetooth
from homeassistant.exceptions import HomeAssistantError
from tests.rig.always_connected import AlwaysConnected
from tests.rig.lock_body import Mode

from .asked import checks_of
from .flows import until
from .house import FRONT_DOOR, House
from .mcuboot_house import BOLT, McubootHouse
from .test_issues import issues, text_of_issue


def forget(house: House) -> None:
    """Let so much time pass that Home Assistant no longer knows a way to the lock."""
    bluetooth.async_clear_advertisement_history(house.hass, FRONT_DOOR)
    assert not house.heard(FRONT_DOOR)


async def test_the_plan_says_who_holds_the_connection(
    mcuboot_house: McubootHouse,
) -> None:
    """Before the night, and to who presses *Install*; the lock is not touched."""
    house = mcuboot_house.house
    mcuboot_house.link_bolt()
    await mcuboot_house.release("1.1.0")
    await house.settle()
    AlwaysConnected(mcuboot_house.lock).take()
    await until(lambda: not house.links[FRONT_DOOR].connected)
    forget(house)
    (check,) = (each for each in checks_of(house.managed()) if each.rule == "signal")
    assert (check.verdict, check.reason) == (Verdict.BLOCKER, Reason.HELD_ELSEWHERE)
    assert check.measured == "front"
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "transport_held_elsewhere"
    assert "batter" not in str(caught.value)
    # Held, as anything that stands against it: no try is used up by it.
    assert house.managed().record.history == ()
    house.hass.states.async_set(BOLT, "unavailable")
    (check,) = (each for each in checks_of(house.managed()) if each.rule == "signal")
    assert check.reason is Reason.NOT_HEARD


async def test_a_lock_that_is_held_since_its_restart_is_not_given_up(
    mcuboot_house: McubootHouse,
) -> None:
    """It works: nobody takes its batteries out, and its new firmware stays in the end."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    mcuboot_house.link_bolt()
    await mcuboot_house.release("1.1.0")
    await house.settle()
    holder = AlwaysConnected(lock)

    def changed() -> None:
        if lock.mode is Mode.SWAPPING:
            holder.take()

    lock.on_change(changed)
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    assert caught.value.translation_key == "transport_held_since_restart"
    assert holder.connected
    assert lock.version == "1.1.0+0"
    await issues(house)
    told = await text_of_issue(house, "needs_hand")
    assert "always connected" in told
    assert "batteries" not in told

    holder.let_go()
    await until(lambda: house.state().attributes["installed_version"] == "1.1.0+0")
    await house.settle()
    assert house.state("sensor.front_door_last_installation").state == "succeeded"
    lock.reset()
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.1.0+0"
