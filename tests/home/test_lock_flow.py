"""Adding and changing a lock: it says itself what it is."""

from typing import Any

import pytest

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import Context
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from tests.rig.dfu_package import make_package
from tests.rig.scene import (
    HARDWARE_REVISION,
    HARDWARE_VERSION,
    MODELS,
    VENDOR,
    lock_form,
    make_firmware,
)
from tests.rig.vendor import Vendor

from .flows import (
    add_feed,
    add_lock,
    options_of,
    pick,
    start_flow,
    start_reconfigure,
    start_settings,
    submit,
    suggested,
    type_address,
    until,
)
from .house import BACK_DOOR, BACK_UPDATE, FRONT_DOOR, PROBLEM, House
from .test_actions import add_user
from .uploads import Upload


async def start(house: House) -> SubentryFlowResult:
    """Begin to add a lock."""
    result = await start_flow(house.hass, house.entry, "lock")
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == ("user" if options_of(result) else "nothing")
    return result


async def test_locks_in_range_are_offered(house: House) -> None:
    """Those that look like a model of a feed, and are not there yet."""
    await house.put_up_lock(BACK_DOOR, name="Kestrel back")
    await house.put_up_lock("C0:11:22:33:44:77", name="Toaster")

    result = await start(house)
    assert options_of(result) == {
        BACK_DOOR: f"Kestrel back (Kestrel One, {BACK_DOOR}): "
        "Nightlatch installs over Bluetooth"
    }
    result = await submit(house.hass, result, locks=[BACK_DOOR])
    assert result["step_id"] == "details"
    assert suggested(result, "name") == "Kestrel One"
    assert result["description_placeholders"] == {
        "model": "Kestrel One",
        "hardware": HARDWARE_REVISION,
        "version": "1.0.0",
        "feed": VENDOR,
        "others": "",
    }
    result = await submit(house.hass, result, **lock_form("Back door"))

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Back door"
    assert result["unique_id"] == BACK_DOOR
    assert result["data"] == {
        "kind": "direct",
        "address": BACK_DOOR,
        "feed": house.subentry(VENDOR).subentry_id,
        "identity": {
            "model": "KL-1",
            "hardware_revision": HARDWARE_REVISION,
            "firmware_version": "1.0.0",
            "manufacturer": VENDOR,
            "serial_number": "0001",
            "battery": 90,
            "firmware_text": None,
            "firmware_form": None,
        },
        "no_battery": False,
        "not_low_suffices": False,
        "no_door_sensor": True,
        "second_entry": True,
        "importance": "side",
        "mode": "ask",
        "approval": "none",
        "may_move_bolt": False,
    }
    await house.settle()
    assert house.state(BACK_UPDATE).state == "off"


async def test_a_lock_that_tells_its_name_only_when_asked(house: House) -> None:
    """All scanners ask, beside the dialog, and whoever answers is shown at once."""
    hass = house.hass
    result = await start(house)
    assert options_of(result) == {}
    assert suggested(result, "more") == "look"
    result = await submit(hass, result, more="look")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    await house.put_up_lock(BACK_DOOR)
    flows = hass.config_entries.subentries
    await until(
        lambda: flows.async_get(result["flow_id"])["step_id"] == "user",
    )
    shown = await flows.async_configure(result["flow_id"])
    assert list(options_of(shown)) == [BACK_DOOR]
    assert suggested(shown, "locks") == [BACK_DOOR]


async def test_who_finds_nothing_is_shown_the_list_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some seconds; a feed that does not answer is not waited for either."""
    path = "custom_components.nightlatch.flows.add_lock"
    monkeypatch.setattr(f"{path}._LOOK_TIME", 0.05)
    monkeypatch.setattr(f"{path}._FEEDS_WITHIN", 0.05)
    house.feed._asked.clear()
    result = await submit(house.hass, await start(house), more="look")
    flows = house.hass.config_entries.subentries
    await until(lambda: flows.async_get(result["flow_id"])["step_id"] == "user")
    shown = await flows.async_configure(result["flow_id"])
    assert options_of(shown) == {}


async def test_an_address_can_be_typed(house: House) -> None:
    """Of a lock that does not say in its advertisements what it is."""
    await house.put_up_lock(BACK_DOOR, name="Toaster")
    result = await start(house)
    assert options_of(result) == {}
    result = await submit(house.hass, result, more="address")
    result = await type_address(house.hass, result, f" {BACK_DOOR.lower()} ")
    assert result["step_id"] == "details"
    result = await submit(
        house.hass,
        result,
        **lock_form(
            "Back door",
            lock_entity="lock.back_door",
            battery_entity="sensor.back_door_battery_of_another",
        ),
    )
    assert result["data"]["address"] == BACK_DOOR
    assert result["data"]["lock_entity"] == "lock.back_door"
    assert result["data"]["battery_entity"] == "sensor.back_door_battery_of_another"


@pytest.mark.parametrize(
    "address",
    ["", "front door", "C0:11:22:33:44", "C0:11:22:33:44:5G", "C0112233445566"],
)
async def test_what_is_no_address(house: House, address: str) -> None:
    """It stays in the form, to be corrected."""
    await house.put_up_lock(BACK_DOOR)
    result = await submit(house.hass, await start(house), more="address")
    result = await type_address(house.hass, result, address)
    assert result["errors"] == {"address": "address_invalid"}
    assert suggested(result, "address") == address
    result = await type_address(house.hass, result, BACK_DOOR)
    assert result["step_id"] == "details"


async def test_nothing_ticked_is_said(house: House) -> None:
    """The form stays, with what it lists."""
    await house.put_up_lock(BACK_DOOR)
    result = await submit(house.hass, await start(house), locks=[])
    assert result["errors"] == {"base": "nothing_picked"}
    assert list(options_of(result)) == [BACK_DOOR]


async def test_several_are_added_one_after_the_other(house: House) -> None:
    """Each is asked what it is; what could not be guessed is asked of the person."""
    third = "C0:11:22:33:44:77"
    for address in (BACK_DOOR, third):
        await house.put_up_lock(address)
    result = await submit(house.hass, await start(house), locks=[BACK_DOOR, third])
    assert result["step_id"] == "details"
    result = await submit(house.hass, result, **lock_form("Back door"))
    assert result["step_id"] == "details"
    result = await submit(house.hass, result, **lock_form("Third door"))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "locks_added"
    assert result["description_placeholders"] == {"names": "Back door, Third door"}
    await house.settle()
    assert house.managed(third).name == "Third door"
    assert house.managed(BACK_DOOR).name == "Back door"


@pytest.mark.parametrize(
    ("options", "errors", "said"),
    [
        pytest.param(
            {"model": ""},
            {"base": "lock_refused"},
            f"{BACK_DOOR} does not tell its model or its firmware version.",
            id="no-identity",
        ),
        pytest.param(
            {"model": "XX-9"}, {"base": "model_unknown"}, "XX-9", id="unknown-model"
        ),
    ],
)
async def test_a_lock_that_is_none_of_the_feeds(
    house: House, options: dict[str, Any], errors: dict[str, str], said: str
) -> None:
    """What it says is told; another one can be picked."""
    other = "C0:11:22:33:44:77"
    await house.put_up_lock(BACK_DOOR, **options)
    await house.put_up_lock(other)
    result = await pick(house.hass, await start(house), BACK_DOOR)
    assert result["step_id"] == "ask"
    assert result["errors"] == errors
    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["problem"].startswith(said)
    result = await pick(house.hass, await start(house), other)
    assert result["step_id"] == "details"


async def test_a_lock_that_is_out_of_range(house: House) -> None:
    """It can be tried again once a proxy stands nearer."""
    result = await pick(house.hass, await start(house), BACK_DOOR)
    assert result["errors"] == {"base": "lock_refused"}
    assert result["description_placeholders"] is not None
    assert result["description_placeholders"]["problem"].startswith(
        f"{BACK_DOOR} was not in range."
    )
    await house.put_up_lock(BACK_DOOR)
    result = await submit(house.hass, result)
    assert result["step_id"] == "details"


@pytest.mark.parametrize("feeds", [0, 1])
async def test_a_lock_whose_vendor_has_no_feed(
    empty_house: House, upload: Upload, feeds: int
) -> None:
    """A person has to say so; then it is as any other, and gets files."""
    for _ in range(feeds):
        await empty_house.add_feed()
    await empty_house.put_up_lock(BACK_DOOR, model="MK-7")
    house = empty_house
    result = await pick(house.hass, await start(house), BACK_DOOR)
    assert result["errors"] == {"base": "model_unknown"}
    assert result["description_placeholders"] == {
        "address": BACK_DOOR,
        "problem": "MK-7",
    }
    again = await submit(house.hass, result)
    assert again["errors"] == {"base": "model_unknown"}
    result = await submit(house.hass, again, without_feed=True)
    assert result["step_id"] == "details"
    assert result["description_placeholders"] == {
        "model": "MK-7",
        "hardware": HARDWARE_REVISION,
        "version": "1.0.0",
        "feed": "files that you bring",
        "others": "",
    }
    result = await submit(house.hass, result, **lock_form("Back door"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "feed" not in result["data"]
    await house.settle()
    assert house.state(BACK_UPDATE).state == "unknown"
    assert house.state("binary_sensor.back_door_update_problem").state == "off"

    menu = await start_reconfigure(house.hass, house.entry, house.subentry("Back door"))
    result = await submit(house.hass, menu, next_step_id="firmware_file")
    data = make_package(
        make_firmware("1.1.0"),
        key=house.vendor.firmware_key,
        fw_version=10_100,
        hw_version=HARDWARE_VERSION,
    )
    result = await submit(house.hass, result, file=await upload(data, "mk7.zip"))
    result = await submit(
        house.hass, result, model="MK-7", hardware="B", version="1.1.0"
    )
    words = "I accept firmware of unknown origin for Back door"
    result = await submit(house.hass, result, words=words)
    assert result["reason"] == "firmware_offered"
    await house.settle()
    assert house.state(BACK_UPDATE).state == "on"
    owner = await add_user(house, is_owner=True)
    await house.hass.services.async_call(
        "nightlatch",
        "approve",
        {"entity_id": BACK_UPDATE, "version": "1.1.0"},
        blocking=True,
        context=Context(user_id=owner.id),
    )
    await house.install(BACK_UPDATE)
    assert house.locks[BACK_DOOR].version == "1.1.0"


async def test_a_feed_that_comes_later_is_found(house: House) -> None:
    """By reconfiguring the lock that had none."""
    await house.put_up_lock(BACK_DOOR, model="KL-9")
    result = await pick(house.hass, await start(house), BACK_DOOR)
    result = await submit(house.hass, result, without_feed=True)
    await submit(house.hass, result, **lock_form("Back door"))
    await house.settle()
    house.vendor.describe(models=[*MODELS, {**MODELS[1], "model": "KL-9"}])
    await house.check()
    result = await start_settings(house.hass, house.entry, house.subentry("Back door"))
    await submit(house.hass, result, **lock_form("Back door"))
    await house.settle()
    assert house.managed(BACK_DOOR).feed is house.feed


async def test_a_lock_is_added_only_once(house: House) -> None:
    """However its address is written."""
    result = await pick(house.hass, await start(house), FRONT_DOOR.lower())
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_the_feed_of_its_model_is_the_feed_of_a_lock(house: House) -> None:
    """Also where several feeds are there, and one that has never been heard."""
    other = Vendor(name="Acme")
    await other.start()
    await add_feed(house.hass, house.entry, url=other.url, root=other.root)
    await other.stop()
    await house.reload()
    await house.put_up_lock(BACK_DOOR)
    await add_lock(house.hass, house.entry, address=BACK_DOOR, name="Back door")
    feed = house.subentry("Back door").data["feed"]
    assert house.entry.subentries[feed].title == VENDOR
    await house.settle()


async def test_a_lock_is_renamed(house: House) -> None:
    """With its device; the entities keep their ids."""
    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    assert result["step_id"] == "settings"
    assert suggested(result, "name") == "Front door"
    result = await submit(house.hass, result, **lock_form("Green door"))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    await house.settle()

    assert house.managed().name == "Green door"
    devices = dr.async_entries_for_config_entry(
        dr.async_get(house.hass), house.entry.entry_id
    )
    assert "Green door" in {device.name for device in devices}
    assert house.state().attributes["friendly_name"] == "Green door Firmware"


async def test_links_are_changed_and_removed(house: House) -> None:
    """What another integration knows of the lock counts, or no longer does."""
    for links in (
        {"lock_entity": "lock.front", "battery_entity": "sensor.front_battery"},
        {"lock_entity": "lock.other"},
        {},
    ):
        result = await start_settings(
            house.hass, house.entry, house.subentry("Front door")
        )
        await submit(house.hass, result, **lock_form("Front door", **links))
        await house.settle()
        assert house.managed().links.lock_entity == links.get("lock_entity")
        assert house.managed().links.battery_entity == links.get("battery_entity")
        again = await start_settings(
            house.hass, house.entry, house.subentry("Front door")
        )
        assert suggested(again, "lock_entity") == links.get("lock_entity")


async def test_a_feed_is_found_again(house: House) -> None:
    """After it was removed, and added once more: by reconfiguring the lock."""
    await house.remove(VENDOR)
    assert house.state(PROBLEM).state == "on"
    assert house.state().state == "unknown"
    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    await submit(house.hass, result, **lock_form("Front door"))
    await house.settle()
    assert house.managed().feed is None

    await house.add_feed()
    await house.settle()
    result = await start_settings(house.hass, house.entry, house.subentry("Front door"))
    await submit(house.hass, result, **lock_form("Front door"))
    await house.release("1.1.0")

    assert house.state(PROBLEM).state == "off"
    assert house.state().state == "on"
    assert MODELS[0]["name"] == house.state().attributes["title"]
