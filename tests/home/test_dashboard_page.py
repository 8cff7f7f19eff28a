"""docs/dashboard.md is copied and pasted, so each block of it is tried in a house."""

from collections.abc import Iterator
from pathlib import Path
import re
from typing import Any

import pytest

from homeassistant.core import valid_entity_id
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.template import Template
from homeassistant.util.yaml import parse_yaml

from .house import House

_PAGE = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text("utf-8")
_BLOCKS = re.findall(r"^```yaml\n(.*?)^```", _PAGE, re.MULTILINE | re.DOTALL)
# As the frontend knows them.
_CARDS = {"calendar", "entities", "logbook", "markdown", "tile"}
_OURS = {"type", "title", "locks", "show"}
_PARTS = {"hours", "locks", "history", "household"}


def blocks() -> list[Any]:
    """Return each block as Home Assistant reads it."""
    return [parse_yaml(block) for block in _BLOCKS]


def leaves(node: Any) -> Iterator[tuple[str | None, str]]:
    """Return every text, with the key under which it stands last."""

    def walk(node: Any, key: str | None) -> Iterator[tuple[str | None, str]]:
        if isinstance(node, dict):
            for name, value in node.items():
                yield from walk(value, name)
        elif isinstance(node, list):
            for each in node:
                yield from walk(each, key)
        elif isinstance(node, str):
            yield key, node

    return walk(node, None)


def test_there_are_cards_of_each_kind() -> None:
    """Ours, and the standard ones without which somebody would need it."""
    assert {each["type"] for each in blocks()} == {*_CARDS, "custom:nightlatch-card"}


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block["type"])
async def test_a_block_shows_what_there_is(house: House, block: Any) -> None:
    """Its entities, the action that it calls, and what its template makes of it."""
    hass = house.hass
    await house.settle()
    if block["type"].startswith("custom:"):
        assert block.keys() <= _OURS
        assert set(block.get("show", ())) <= _PARTS
    for key, text in leaves(block):
        if key in {"entity", "entities", "entity_id", "locks"}:
            assert valid_entity_id(text)
            assert hass.states.get(text) is not None, text
        if key == "perform_action":
            domain, _, action = text.partition(".")
            assert hass.services.has_service(domain, action), text
            tap = block["tap_action"]
            await hass.services.async_call(
                domain, action, tap["data"], blocking=True, target=tap["target"]
            )
            assert house.managed().decisions.postponed_until is not None
        if key == "content":
            shown = Template(cv.template(text).template, hass).async_render()
            assert "**Front door** 1.0.0: up to date" in shown
    for attribute in set(block.get("state_content", ())) - {"state"}:
        assert attribute in house.state(block["entity"]).attributes
