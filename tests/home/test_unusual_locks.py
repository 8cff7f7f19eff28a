"""Direct locks as they really are: they tell little, and that with words around it."""

from typing import Any

import pytest

from custom_components.nightlatch.core.preflight.base import Family, Reason, blockers
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from tests.rig.scene import MODELS, lock_form

from .asked import checks_of
from .flows import add_lock, pick, start_flow, start_settings, submit, suggested, until
from .house import FRONT_DOOR, UPDATE, House
from .test_actions import act

BATTERY = "sensor.front_door_battery"
TELLS_LITTLE = {
    "hardware_revision": None,
    "has_battery": False,
    "firmware_text": "Kestrel FW v{}+default",
}
SAID = {
    "tells_hardware_revision": False,
    "has_battery": False,
    "firmware_revision": "Kestrel FW v{version}+*",
}


def describe(house: House, **traits: Any) -> None:
    """Let the vendor say what is unusual about its locks."""
    model, *others = MODELS
    house.vendor.describe(models=[{**model, **traits}, *others])


def amend_battery(house: House, path: str) -> None:
    """Let a release of locks without a battery name no level."""
    house.vendor.amend(path, minimum_battery=None)


@pytest.fixture
async def wired_house(empty_house: House) -> House:
    """Hang a lock into the front door that tells nothing of what most tell."""
    for path in empty_house.vendor.descriptor["releases"]:
        amend_battery(empty_house, path)
    await empty_house.put_up_lock(FRONT_DOOR, **TELLS_LITTLE)
    return empty_house


def shows_battery(house: House) -> bool:
    """Return whether there is an entity for a level; one alone in the registry counts."""
    registered = BATTERY in er.async_get(house.hass).entities
    assert (house.hass.states.get(BATTERY) is not None) is registered
    return registered


async def notes(house: House) -> str:
    """Return what a person reads before they press *Install*."""
    entity = house.hass.data["entity_components"]["update"].get_entity(UPDATE)
    text: str = await entity.async_release_notes()
    return text


async def release(house: House, version: str) -> None:
    """Let the vendor release a version that names no battery level."""
    path = await house.release(version)
    amend_battery(house, path)
    await house.check()


async def test_it_is_updated(wired_house: House) -> None:
    """From the form to the proof: its version is found, and no battery is looked at."""
    house = wired_house
    describe(house, **SAID)
    await house.add_feed()
    result = await pick(
        house.hass, await start_flow(house.hass, house.entry, "lock"), FRONT_DOOR
    )
    assert result["description_placeholders"] == {
        "model": "Kestrel One",
        "hardware": "unknown",
        "version": "1.0.0",
        "feed": "Kestrel Locks",
        "others": "",
    }
    result = await submit(house.hass, result, **lock_form("Front door"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await until(lambda: house.hass.states.get(UPDATE) is not None)
    assert house.state().state == "off"
    await release(house, "1.1.0")
    assert house.state().state == "on"
    assert house.state().attributes["installed_version"] == "1.0.0"
    no_battery = "Its vendor says that it has no battery, so none is looked at."
    assert no_battery in await notes(house)
    assert no_battery in (await act(house, "get_plan"))["summary"]
    assert not shows_battery(house)

    await house.install()

    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.state().state == "off"
    assert house.state().attributes["installed_version"] == "1.1.0"
    (outcome,) = house.managed().record.history
    assert outcome.kind == "succeeded"

    # And over a restart in which the feed stays silent.
    await house.vendor.stop()
    await house.reload()
    assert house.feed.error is not None
    assert house.managed().record.identity.firmware_version == "1.1.0"
    assert house.managed().record.history == (outcome,)


async def test_a_vendor_who_explains_its_locks_later(wired_house: House) -> None:
    """Until then they are left alone; then they are read anew, and nobody did anything."""
    house = wired_house
    await house.add_feed()
    await add_lock(house.hass, house.entry, address=FRONT_DOOR, name="Front door")
    await until(lambda: house.hass.states.get(UPDATE) is not None)
    await release(house, "1.1.0")
    assert house.managed().release is None
    told = house.managed().record.identity.firmware_version
    assert told == "Kestrel FW v1.0.0+default"

    describe(house, **SAID)
    await house.check()
    managed = house.managed()
    assert managed.record.identity.firmware_version == "1.0.0"
    assert managed.release is not None
    await until(lambda: managed.floor is not None)
    assert managed.floor is not None
    assert managed.floor.version.text == "1.0.0"
    await house.settle()
    assert managed.record.history == ()
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_battery_is_shown_again_where_there_is_one_after_all(
    empty_house: House,
) -> None:
    """Its vendor corrects what it says of the model, there and back."""
    house = empty_house
    await house.add_feed()
    await house.put_up_lock(FRONT_DOOR)
    await house.add_lock_already_up(FRONT_DOOR, "Front door")
    for has_battery in (False, True, False, True):
        for path in house.vendor.descriptor["releases"]:
            amend_battery(house, path)
        describe(house, has_battery=has_battery)
        await house.check()
        await house.settle()
        assert shows_battery(house) is has_battery


async def test_a_wired_lock_whose_feed_says_nothing_of_it(
    empty_house: House,
) -> None:
    """What holds it says where to say so; then it is updated."""
    house = empty_house
    await house.add_feed()
    await house.put_up_lock(FRONT_DOOR, has_battery=False)
    await house.add_lock_already_up(FRONT_DOOR, "Front door")
    await house.release("1.1.0")
    with pytest.raises(HomeAssistantError, match="that it has no battery"):
        await house.install()

    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    both = lock_form("Front door", no_battery=True, battery_entity="sensor.battery")
    result = await submit(house.hass, result, **both)
    assert result["errors"] == {"base": "battery_said_twice"}
    assert shows_battery(house)
    result = await submit(
        house.hass, result, **lock_form("Front door", no_battery=True)
    )
    assert result["reason"] == "reconfigure_successful"
    await house.settle()
    assert not house.managed().policy.has_battery
    assert not shows_battery(house)
    assert "Its settings say that it has no battery" in await notes(house)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_sensor_that_only_says_not_low(empty_house: House) -> None:
    """It is enough for who presses Install; by itself only where the owner says so."""
    house = empty_house
    sensor = "binary_sensor.front_door_battery"
    house.hass.states.async_set(sensor, "off")
    await house.add_feed()
    await house.put_up_lock(FRONT_DOOR, has_battery=False)
    await house.add_lock_already_up(FRONT_DOOR, "Front door", battery_entity=sensor)
    await house.release("1.1.0")
    power = [
        check.reason
        for check in blockers(checks_of(house.managed(), unattended=True))
        if check.family is Family.POWER
    ]
    assert power == [Reason.BATTERY_NOT_LOW]

    house.hass.states.async_set(sensor, "on")
    with pytest.raises(HomeAssistantError, match="its battery is low"):
        await house.install()
    house.hass.states.async_set(sensor, "off")
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"

    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    form = lock_form("Front door", battery_entity=sensor, not_low_suffices=True)
    result = await submit(house.hass, result, **form)
    assert result["reason"] == "reconfigure_successful"
    await house.release("1.2.0")
    checks = checks_of(house.managed(), unattended=True)
    assert Family.POWER not in {check.family for check in blockers(checks)}
    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    assert suggested(result, "not_low_suffices") is True
    assert suggested(result, "no_battery") is False
