"""What every installation that does not succeed owes to the people in the house."""

import re

import pytest

from custom_components.nightlatch.const import DOMAIN
from homeassistant.exceptions import HomeAssistantError
from tests.rig.scene import VENDOR

from .house import BACK_DOOR, EVENT, FRONT_DOOR, OUTCOME, PROBLEM, UPDATE, House

_PLACEHOLDER = re.compile(r"[{}]|\?|None")

_ENDS = {
    "update_failed": "failed",
    "update_rolled_back": "rolled_back",
    "manual_step_needed": "needs_hand",
}


async def ends_badly(
    house: House,
    key: str,
    *,
    event: str = "update_failed",
    runs: str = "1.0.0",
) -> str:
    """Install at the front door, see it fail as it should, and return what was said.

    ``key`` is the translation key of the sentence, ``runs`` the version that is known
    to run then. Everything that does not depend on what went wrong is looked at here.
    """
    before = _of_its_own(house.states_of("back_door"))
    with pytest.raises(HomeAssistantError) as caught:
        await house.install()
    await house.hass.async_block_till_done()

    error = caught.value
    assert (error.translation_domain, error.translation_key) == (DOMAIN, key)
    said = str(error)
    assert said != key
    assert "Front door" in said or VENDOR in said
    assert not _PLACEHOLDER.search(said), said
    # The cause is a sentence, and so is the remedy.
    assert said.count(". ") >= 1, said

    attributes = house.state(EVENT).attributes
    assert attributes["event_type"] == event
    assert attributes["message"].startswith(said)
    assert attributes["version"] == house.state().attributes["latest_version"]
    if event == "update_held":
        # Nothing was done, so nothing has ended.
        assert house.state(OUTCOME).state == "unknown"
        assert house.state(PROBLEM).state == "off"
    else:
        assert house.state(OUTCOME).state == _ENDS[event]
        assert house.state(OUTCOME).attributes["message"] == attributes["message"]
        assert house.state(PROBLEM).state == "on"

    state = house.state()
    assert state.state == "on"
    assert not state.attributes["in_progress"]
    assert state.attributes["update_percentage"] is None
    assert state.attributes["installed_version"] == runs

    assert _of_its_own(house.states_of("back_door")) == before
    assert house.locks[BACK_DOOR].version == "1.0.0"
    return said


def _of_its_own[T](states: dict[str, T]) -> dict[str, T]:
    """Return the states of a lock without what its feed tells whenever it is asked.

    A fetch asks it too, for whichever lock; how late that is is the clock's matter.
    """
    return {
        entity: state
        for entity, state in states.items()
        if not entity.endswith("_last_check")
    }


async def ends_well(house: House, version: str = "1.1.0") -> None:
    """Install at the front door, and see that nothing is left of what was before."""
    await house.install()
    assert house.locks[FRONT_DOOR].version == version
    state = house.state()
    assert state.state == "off"
    assert state.attributes["installed_version"] == version
    assert house.state(EVENT).attributes["event_type"] == "update_installed"
    assert house.state(PROBLEM).state == "off"
    assert not house.managed().in_bootloader
    assert house.locks[BACK_DOOR].version == "1.0.0"
    assert UPDATE in house.states_of("front_door")
