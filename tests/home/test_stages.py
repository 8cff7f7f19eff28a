"""Releases that their vendor lets out by and by, or halts."""

from typing import Any

import pytest

from custom_components.nightlatch.core.schedule.plan import Waiting
from homeassistant.exceptions import HomeAssistantError

from .asked import plan_of
from .house import FRONT_DOOR, House
from .night import Night

PATH = "kl-1/1.1.0.zip"
NEXT_STEP = "sensor.front_door_next_step"
NONE: dict[str, Any] = {"schema": 2, "rollout": {"percent": 0}}
WHY = "It drains batteries."
HALTED: dict[str, Any] = {"schema": 2, "halted": {"reason": WHY}}


async def told(house: House) -> str:
    """Return what stands in the release notes."""
    entity = house.hass.data["entity_components"]["update"].get_entity(
        "update.front_door_firmware"
    )
    return str(await entity.async_release_notes())


async def test_what_is_not_let_out_to_a_lock_waits_and_is_installed_when_it_is(
    house: House,
) -> None:
    """It is offered meanwhile, with the reason; the same release goes on then."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0", **NONE)
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert house.state().state == "on"
    assert plan_of(house.managed()).waiting is Waiting.STAGE
    assert house.state(NEXT_STEP).state == "staged"
    assert "not among the first 0 %" in await told(house)
    assert night.types() == ["update_available"]
    assert night.messages == []

    house.vendor.amend(PATH, rollout={"percent": 100})
    await house.check()
    assert plan_of(house.managed()).waiting is Waiting.NOTICE
    # The next evening.
    house.runtime.store.announced_night = None
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    # It was not offered as if it were another one.
    assert night.types().count("update_available") == 1


async def test_a_person_need_not_wait_for_a_stage(house: House) -> None:
    """A wish is no stage."""
    await house.release("1.1.0", **NONE)
    assert "not among the first 0 %" in await told(house)
    assert "Ready" in await told(house)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_lock_keeps_its_lot(house: House, hass_storage: dict[str, Any]) -> None:
    """Over a restart; and nobody is shown it."""
    lots = house.runtime.store.lots(FRONT_DOOR)
    secret = house.kept(hass_storage)["stages"]
    await house.reload()
    assert house.runtime.store.lots(FRONT_DOOR) == lots
    shown = str([state.as_dict() for state in house.hass.states.async_all()])
    assert secret not in shown
    assert lots.hex() not in shown


async def test_a_household_from_before_the_stages_draws_its_lots_once(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """And writes down at once what they come from."""
    del house.kept(hass_storage)["stages"]
    await house.reload()
    lots = house.runtime.store.lots(FRONT_DOOR)
    assert house.kept(hass_storage)["stages"]
    await house.reload()
    assert house.runtime.store.lots(FRONT_DOOR) == lots


async def test_a_halt_holds_what_is_about_to_begin(house: House) -> None:
    """Also where the feed was not asked since; people read why, and it goes on later."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    house.vendor.amend(PATH, **HALTED)
    assert plan_of(house.managed()).waiting is not Waiting.HALTED
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert house.managed().record.history == ()
    assert "update_held" in night.types()
    (held,) = [each for each in night.events if each["type"] == "update_held"]
    assert WHY in held["message"]
    assert held["reasons"] == "feed_release_halted"
    assert plan_of(house.managed()).waiting is Waiting.HALTED
    assert house.state(NEXT_STEP).state == "halted"
    assert WHY in await told(house)

    house.vendor.amend(PATH, schema=1, halted=None)
    await house.check()
    assert plan_of(house.managed()).waiting is None
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_a_stage_that_was_narrowed_since_it_was_planned_holds(
    house: House,
) -> None:
    """It is heard just before it would begin, as a halt is."""
    night = Night(house)
    night.automate()
    await house.release("1.1.0")
    house.vendor.amend(PATH, **NONE)
    assert plan_of(house.managed()).waiting is not Waiting.STAGE
    await night.look()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    assert plan_of(house.managed()).waiting is Waiting.STAGE
    (held,) = [each for each in night.events if each["type"] == "update_held"]
    assert held["reasons"] == "preflight_staged"


async def test_nobody_installs_by_hand_what_is_halted(house: House) -> None:
    """Nor is it told as news; what it is halted for is in the refusal."""
    night = Night(house)
    await house.release("1.1.0", **HALTED)
    assert night.types() == []
    with pytest.raises(HomeAssistantError, match=WHY):
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    house.vendor.amend(PATH, schema=1, halted=None)
    await house.check()
    assert night.types() == ["update_held", "update_available"]
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
