"""The blueprints do what they say, in the automations of a real Home Assistant."""

from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

from pytest_homeassistant_custom_component.common import (  # type: ignore[import-untyped]
    MockConfigEntry,
    async_mock_service,
)

from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.rig.idle_time import fire_time_changed
from tests.rig.scene import publish

from .asked import read
from .flows import until
from .house import FRONT_DOOR, UPDATE, House

BLUEPRINTS = Path(__file__).parents[2] / "blueprints" / "automation" / "nightlatch"


async def use(house: House, blueprint: str, **inputs: Any) -> None:
    """Import a blueprint and make an automation of it."""
    target = Path(house.hass.config.path("blueprints", "automation", "nightlatch"))
    shutil.copytree(BLUEPRINTS, target)
    assert await async_setup_component(
        house.hass,
        "automation",
        {
            "automation": {
                "alias": "Made of a blueprint",
                "use_blueprint": {
                    "path": f"nightlatch/{blueprint}.yaml",
                    "input": inputs,
                },
            }
        },
    )
    await house.hass.async_block_till_done()
    state = house.hass.states.get("automation.made_of_a_blueprint")
    assert state is not None
    assert state.state == "on"


def runs(house: House) -> int:
    """Return how often the automation runs just now."""
    state = house.hass.states.get("automation.made_of_a_blueprint")
    assert state is not None
    current: int = state.attributes["current"]
    return current


async def test_ask_on_the_phone(house: House) -> None:
    """It tells what the update means, and installs when somebody says yes."""
    hass = house.hass
    entry = MockConfigEntry(domain="mobile_app")
    entry.add_to_hass(hass)
    phone = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("mobile_app", "1")}, name="Anna P"
    )
    told = async_mock_service(hass, "notify", "mobile_app_anna_p")
    await use(house, "ask_on_the_phone", lock_update=UPDATE, phone=phone.id)
    # Not waiting for everything to come to rest: the automation waits for an answer.
    publish(house.vendor, "1.1.0")
    await house.feed.async_refresh()
    await until(lambda: bool(told))
    notice = told[0].data
    assert notice["title"] == "Front door Firmware: 1.1.0"
    assert "The lock goes from 1.0.0 to 1.1.0." in notice["message"]
    assert "Nothing stands against it." in notice["message"]
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    yes = notice["data"]["actions"][0]["action"]
    hass.bus.async_fire("mobile_app_notification_action", {"action": yes})
    await until(lambda: house.locks[FRONT_DOOR].version == "1.1.0")
    await until(lambda: runs(house) == 0)


async def test_not_now(house: House) -> None:
    """Who says no is not asked again, and nothing is installed."""
    hass = house.hass
    entry = MockConfigEntry(domain="mobile_app")
    entry.add_to_hass(hass)
    phone = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("mobile_app", "1")}, name="Anna P"
    )
    told = async_mock_service(hass, "notify", "mobile_app_anna_p")
    house.locks[FRONT_DOOR].set_battery(10)
    await read(house.managed())
    await use(house, "ask_on_the_phone", lock_update=UPDATE, phone=phone.id)
    publish(house.vendor, "1.1.0")
    await house.feed.async_refresh()
    await until(lambda: bool(told))
    assert "10 %" in told[0].data["message"]
    no = told[0].data["data"]["actions"][1]
    assert no["title"] == "Not now"
    hass.bus.async_fire("mobile_app_notification_action", {"action": no["action"]})
    await until(lambda: runs(house) == 0)
    await house.settle()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert house.managed().record.history == ()
    assert len(told) == 1


async def test_weekly_report(house: House) -> None:
    """It names every lock, what runs on it, and what it waits for."""
    sent = async_mock_service(house.hass, "notify", "send_message")
    await house.release("1.1.0")
    soon = (dt_util.now() + timedelta(minutes=5)).replace(microsecond=0)
    await use(
        house,
        "weekly_report",
        lock_updates=[UPDATE],
        notify_entity="notify.anna",
        weekday=soon.strftime("%a").lower(),
        at=soon.strftime("%H:%M:%S"),
    )
    fire_time_changed(house.hass, soon)
    await until(lambda: bool(sent))
    text = " ".join(sent[0].data["message"].split())
    assert text == "Front door: 1.0.0, 1.1.0 waits for person."
    await house.hass.services.async_call(
        "automation",
        "turn_off",
        {"entity_id": "automation.made_of_a_blueprint"},
        blocking=True,
    )
