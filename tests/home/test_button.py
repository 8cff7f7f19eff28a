"""The button that asks feed and lock at once."""

import pytest

from custom_components.nightlatch.kinds.direct import DirectKind
from homeassistant.exceptions import HomeAssistantError
from tests.rig.scene import VENDOR, publish

from .asked import install
from .flows import until
from .house import FRONT_DOOR, STATUS, House

BUTTON = "button.front_door_check_now"


async def press(house: House) -> None:
    """Press the button."""
    await house.hass.services.async_call(
        "button", "press", {"entity_id": BUTTON}, blocking=True
    )


async def test_both_are_asked(house: House) -> None:
    """And what they say is shown when the button comes back."""
    publish(house.vendor, "1.1.0")
    house.locks[FRONT_DOOR].comes_back_as = "1.0.1"
    house.locks[FRONT_DOOR].set_battery(55)
    await press(house)
    state = house.state()
    assert state.attributes["installed_version"] == "1.0.1"
    assert state.attributes["latest_version"] == "1.1.0"
    assert house.state("sensor.front_door_battery").state == "55"


async def test_a_feed_that_does_not_answer(house: House) -> None:
    """The lock is asked all the same, then the feed's trouble is told."""
    house.locks[FRONT_DOOR].comes_back_as = "1.0.1"
    await house.vendor.stop()
    with pytest.raises(HomeAssistantError) as caught:
        await press(house)
    assert caught.value.translation_key == "feed_unreachable"
    assert str(caught.value).startswith(f"{VENDOR} does not answer")
    assert house.state().attributes["installed_version"] == "1.0.1"


async def test_a_lock_that_does_not_answer(house: House) -> None:
    """The feed was asked all the same."""
    publish(house.vendor, "1.1.0")
    house.locks[FRONT_DOOR].cut_power()
    with pytest.raises(HomeAssistantError) as caught:
        await press(house)
    assert caught.value.translation_key == "transport_connection_failed"
    assert str(caught.value).startswith("Front door was heard")
    assert house.state().attributes["latest_version"] == "1.1.0"


async def test_a_lock_that_is_out_of_range(house: House) -> None:
    """Nobody hears it at all."""
    front = house.managed()
    assert isinstance(front.kind, DirectKind)
    front.kind.address = "C0:00:00:00:00:01"
    with pytest.raises(HomeAssistantError) as caught:
        await press(house)
    assert caught.value.translation_key == "transport_not_found"
    assert str(caught.value).startswith("Front door was not in range")


async def test_a_lock_that_is_installed_to_is_left_alone(house: House) -> None:
    """A second connection would take the first one's place."""
    await house.release("1.1.0")
    house.hass.async_create_background_task(install(house.managed()), "installation")
    await until(lambda: house.managed().progress is not None)
    await press(house)
    await house.settle()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_lock_whose_feed_is_gone(house: House) -> None:
    """It still says what it runs."""
    await house.remove(VENDOR)
    house.locks[FRONT_DOOR].comes_back_as = "1.0.1"
    await press(house)
    assert house.state().attributes["installed_version"] == "1.0.1"
    assert house.hass.states.get(STATUS) is None
