"""What the pages show of automations is copied and pasted, so all of it is tried."""

from pathlib import Path
import re
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_mock_service  # type: ignore[import-untyped]

from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml

from .house import House

_ROOT = Path(__file__).parents[2]
_PAGES = [
    _ROOT / "README.md",
    *sorted(
        page for page in (_ROOT / "docs").rglob("*.md") if page.name != "dashboard.md"
    ),
]
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OF_AN_AUTOMATION = {"triggers", "conditions", "actions"}
# Made of what somebody has, not of a lock.
_HELPERS = {"input_boolean.asleep"}


def automations() -> list[Any]:
    """Return each block that is an automation, or a part of one."""
    found = []
    for page in _PAGES:
        for number, block in enumerate(_BLOCK.findall(page.read_text("utf-8"))):
            read = parse_yaml(block)
            if isinstance(read, dict) and read.keys() <= _OF_AN_AUTOMATION:
                name = f"{page.relative_to(_ROOT)}-{number}"
                found.append(pytest.param(read, id=name))
    return found


@pytest.mark.parametrize("shown", automations())
async def test_an_automation_of_a_page_runs(
    house: House, shown: dict[str, Any]
) -> None:
    """Home Assistant takes it, its entities are there, and it says something by hand."""
    hass = house.hass
    calls = async_mock_service(hass, "notify", "notify")
    for entity_id in _HELPERS:
        hass.states.async_set(entity_id, "off")
    text = str(shown)
    for entity_id in re.findall(r"(?:event|update)\.front_door_\w+", text):
        assert hass.states.get(entity_id) is not None, entity_id
    config = {"triggers": [], "actions": [], "alias": "Shown", **shown}
    if not config["actions"]:
        config["actions"] = [{"stop": "There is nothing to do"}]
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    state = hass.states.get("automation.shown")
    assert state is not None
    assert state.state == "on"
    if "notify.notify" in text:
        await hass.services.async_call(
            "automation",
            "trigger",
            {"entity_id": "automation.shown", "skip_condition": True},
            blocking=True,
        )
        await hass.async_block_till_done()
        assert [call.data["message"] for call in calls] == [
            "Nothing about this door needs a hand."
        ]


def test_there_are_some() -> None:
    """Those of the pages of triggers and conditions, and those of the first page."""
    assert len(automations()) >= 13
