"""New firmware that is not well: an MCUboot lock runs its old one again, and all is told."""

import asyncio
import re

import pytest

from custom_components.nightlatch.core.model import OutcomeKind, Purpose
from custom_components.nightlatch.core.schedule.plan import Waiting
from custom_components.nightlatch.texts.release_notes import async_release_notes
from homeassistant.components.lock import LockState
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.exceptions import HomeAssistantError
from tests.rig.image import Behaviour
from tests.rig.lock import Bolt, Mode

from .asked import plan_of, read
from .flows import until
from .house import EVENT, OUTCOME, PROBLEM, UPDATE
from .mcuboot_house import McubootHouse
from .night import Night
from .test_actions import act, add_user, with_authenticator
from .test_automations import automate, trigger
from .test_issues import issues, text_of_issue
from .test_logbook import lines

JAMMED = (
    "With 1.1.0 the bolt of Front door was jammed, so the lock has gone back. It runs "
    "1.0.0+0 again, and works. Nightlatch does not try 1.1.0 again by itself; tell the "
    "vendor."
)


async def test_firmware_that_jams_the_bolt_is_taken_back(
    mcuboot_house: McubootHouse,
) -> None:
    """The lock works as before; people are told at once, and it is not tried again."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    mcuboot_house.link_bolt()
    night = Night(house)
    night.automate()
    calls = await automate(
        house, trigger("update_rolled_back"), trigger("update_failed")
    )
    await mcuboot_house.release("1.1.0", Behaviour.JAMS_BOLT)
    plan = await act(house, "get_plan")
    assert plan["way_back"] == "on_trial"
    assert any("goes back by itself" in line for line in plan["summary"])

    await night.look()

    assert lock.version == "1.0.0+0"
    assert lock.bolt is Bolt.LOCKED
    assert night.types()[-1] == "update_rolled_back"
    assert night.messages[-1] == JAMMED
    assert [call.data["trigger"] for call in calls] == ["update_rolled_back"]
    event = house.state(EVENT).attributes
    assert (event["version"], event["running_version"]) == ("1.1.0", "1.0.0+0")
    assert house.state(OUTCOME).state == "rolled_back"
    assert house.state(OUTCOME).attributes["message"] == JAMMED
    assert house.state(PROBLEM).state == STATE_ON
    assert await issues(house) == {}
    (line,) = await lines(house.hass, night.events[-1])
    assert line["message"] == f"has gone back to its old firmware: {JAMMED}"
    assert house.state().state == STATE_ON
    assert plan_of(house.managed()).waiting is Waiting.CHANGE
    await night.look()
    assert len(house.managed().record.history) == 1

    # Until something newer is there, and works.
    await mcuboot_house.release("1.2.0")
    assert house.state(PROBLEM).state == STATE_OFF
    await house.install()
    assert lock.version == "1.2.0+0"
    assert house.state(OUTCOME).state == "succeeded"


async def test_who_presses_install_is_told_what_came_of_it(
    mcuboot_house: McubootHouse,
) -> None:
    """Not what the lock ran before it went back."""
    mcuboot_house.link_bolt()
    await mcuboot_house.release("1.1.0", Behaviour.JAMS_BOLT)
    with pytest.raises(HomeAssistantError) as caught:
        await mcuboot_house.house.install()
    await mcuboot_house.house.settle()
    assert caught.value.translation_key == "way_back_installation_bolt_jammed"
    assert JAMMED.startswith(f"{caught.value}")
    lock = mcuboot_house.house.managed()
    assert lock.release is not None
    notes = await async_release_notes(
        mcuboot_house.house.hass,
        lock,
        lock.release,
        mcuboot_house.house.runtime.planner,
    )
    assert notes.startswith(f"The last time on this lock: {JAMMED}")
    assert "goes back by itself" in notes


async def test_firmware_that_never_starts_goes_back_by_itself(
    mcuboot_house: McubootHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is seen, and told as what it is."""
    monkeypatch.setattr("tests.rig.lock_body.WATCHDOG", 0.2)
    house = mcuboot_house.house
    await mcuboot_house.release("1.1.0", Behaviour.NEVER_STARTS)
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    await house.settle()
    assert caught.value.translation_key == "transport_reverted"
    message = house.state(EVENT).attributes["message"]
    assert message.startswith(f"{caught.value}")
    assert "It runs 1.0.0+0 again, and works." in message
    (outcome,) = house.managed().record.history
    assert outcome.kind is OutcomeKind.ROLLED_BACK


async def test_a_lock_that_is_silent_on_trial_goes_back_without_its_batteries(
    mcuboot_house: McubootHouse,
) -> None:
    """And the issue says so."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    loop = asyncio.get_running_loop()
    await mcuboot_house.release("1.1.0")

    def die() -> None:
        if lock.mode is Mode.APPLICATION and lock.version == "1.1.0+0":
            loop.call_soon(lock.cut_power)

    stop = lock.on_change(die)
    with pytest.raises(HomeAssistantError):
        await house.install()
    await house.settle()
    stop()
    assert lock.mode is Mode.OFF
    assert house.state(OUTCOME).state == "needs_hand"
    text = await text_of_issue(house, "needs_hand")
    assert "it goes back to its old firmware by itself" in text
    assert "Use a key or a keypad" in text

    lock.restore_power()
    await until(lambda: lock.mode is Mode.APPLICATION)
    assert lock.version == "1.0.0+0"
    await house.settle()
    await house.runtime.reader.async_read_apart(house.managed())
    assert await issues(house) == {}


async def test_a_bolt_that_jams_later_has_a_way_back(
    mcuboot_house: McubootHouse,
) -> None:
    """By a person; the issue explains how, for what it asks only they can give."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    await mcuboot_house.release("1.1.0")
    await house.install()
    assert lock.version == "1.1.0+0"
    mcuboot_house.link_bolt()
    house.hass.states.async_set("lock.front", LockState.JAMMED)
    # Somebody else has put other firmware on it, and now its bolt jams.
    lock.comes_back_as = "1.1.5"
    await read(house.managed())
    await house.settle()
    text = await text_of_issue(house, "needs_hand")
    assert "turn the bolt by hand" in text
    assert "call the action Roll back (nightlatch.rollback)" in text
    assert "can have 1.1.0 back" in text
    assert UPDATE in text


async def test_a_rollback_runs_on_trial_too(mcuboot_house: McubootHouse) -> None:
    """What ran before must prove itself again."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    night = Night(house)
    owner = await add_user(house, is_owner=True)
    app = await with_authenticator(house, owner)
    await mcuboot_house.release("1.1.0")
    await house.install()
    await act(house, "rollback", owner, code=app.code())
    assert lock.version == "1.0.0+0"
    outcome = house.managed().record.outcome
    assert outcome is not None
    assert (outcome.kind, outcome.purpose) == (OutcomeKind.SUCCEEDED, Purpose.ROLLBACK)
    shown = await lines(house.hass, *night.events[-2:])
    begins, ends = (each["message"] for each in shown)
    assert begins == "is being brought back to 1.0.0"
    assert re.fullmatch(r"was brought back to 1\.0\.0 and works, \d+ s", ends)


@pytest.mark.parametrize("version", ["1.1.0", "1.1.0+0"])
async def test_a_lock_that_tells_its_build_is_updated(
    mcuboot_house: McubootHouse, version: str
) -> None:
    """Whether or not its vendor names the build: it is the same version."""
    house, lock = mcuboot_house.house, mcuboot_house.lock
    assert house.state().attributes["installed_version"] == "1.0.0+0"
    await mcuboot_house.release(version)
    assert house.state().state == STATE_ON
    assert house.state().attributes["latest_version"] == version
    await house.install()
    assert lock.version == "1.1.0+0"
    assert house.state(OUTCOME).state == "succeeded"
    assert house.state().state == STATE_OFF
    await read(house.managed())
    await house.check()
    assert house.state().state == STATE_OFF
    assert len(house.managed().record.history) == 1
