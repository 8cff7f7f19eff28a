"""Another integration is always connected to the lock, so the lock is never heard."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.core.preflight.base import Reason, Verdict
from homeassistant.components import bluetooth
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.rig.always_connected import AlwaysConnected
from tests.rig.lock_body import Mode

from .asked import checks_of
from .flows import until
from .house import FRONT_DOOR, House
from .mcuboot_house import BOLT, McubootHouse
from .night import Night
from .test_issues import issues, text_of_issue


def forget(house: House) -> None:
    """Let so much time pass that Home Assistant no longer knows a way to the lock."""
    bluetooth.async_clear_advertisement_history(house.hass, FRONT_DOOR)
    assert not house.heard(FRONT_DOOR)


def other_integration(house: House, *, has_lock: bool, **options: Any) -> None:
    """Let another integration have the lock too; nobody has linked its entity."""
    entry = MockConfigEntry(domain="yalexs_ble", title="Hall", options=options)
    entry.add_to_hass(house.hass)
    device = dr.async_get(house.hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        connections={(dr.CONNECTION_BLUETOOTH, FRONT_DOOR)},
    )
    entity = er.async_get(house.hass).async_get_or_create(
        "lock" if has_lock else "sensor",
        "yalexs_ble",
        FRONT_DOOR,
        config_entry=entry,
        device_id=device.id,
    )
    house.hass.states.async_set(entity.entity_id, "locked")


async def test_who_is_always_connected_is_told_in_the_evening(
    mcuboot_house: McubootHouse,
) -> None:
    """With what to switch off, and before the night: at night nothing is begun."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    night = Night(house)
    night.automate(has_door_sensor=False, second_entry=True)
    other_integration(house, has_lock=True, always_connected=True)
    await mcuboot_house.release("1.1.0")
    await night.look()
    (told,) = night.messages
    assert "yalexs_ble (Hall) is set to be always connected to the lock" in told
    assert "Switch that off in its options, or disable it for the night." in told
    await night.look()
    assert lock.version == "1.0.0+0"
    (check,) = (
        each for each in checks_of(house.managed()) if each.rule == "connection"
    )
    assert (check.verdict, check.reason) == (
        Verdict.WARNING,
        Reason.ALWAYS_CONNECTED,
    )
    # Who presses *Install* sees what comes of it.
    await house.install()
    assert lock.version == "1.1.0+0"


@pytest.mark.parametrize(
    ("has_lock", "reason"),
    [(True, Reason.HELD_ELSEWHERE), (False, Reason.NOT_HEARD)],
    ids=["moves-its-bolt", "only-listens"],
)
async def test_who_holds_it_is_known_though_nothing_is_linked(
    mcuboot_house: McubootHouse, has_lock: bool, reason: Reason
) -> None:
    """By the address that its device has in Home Assistant's registry."""
    house = mcuboot_house.house
    other_integration(house, has_lock=has_lock)
    await mcuboot_house.release("1.1.0")
    await house.settle()
    AlwaysConnected(mcuboot_house.lock).take()
    await until(lambda: not house.links[FRONT_DOOR].connected)
    forget(house)
    (check,) = (each for each in checks_of(house.managed()) if each.rule == "signal")
    assert check.reason is reason
    if has_lock:
        assert check.measured == "yalexs_ble"


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
