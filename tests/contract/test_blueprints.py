"""The blueprints are what Home Assistant can import, and say what they ask for."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any

import pytest

from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.util.yaml import load_yaml_dict

from .integration import ROOT, load_json, load_yaml

REPOSITORY = ROOT.parents[1]
PATHS = sorted(REPOSITORY.glob("blueprints/**/*.yaml"))


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    """Return where a blueprint lies."""
    found: Path = request.param
    return found


@pytest.fixture
def blueprint(path: Path) -> Blueprint:
    """Load it as Home Assistant does; this refuses inputs that are not declared."""
    return Blueprint(
        load_yaml_dict(path),
        path=str(path),
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )


def values_of(node: Any, key: str) -> Iterator[Any]:
    """Return every value that stands under a key, however deep."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key:
                yield value
            yield from values_of(value, key)
    elif isinstance(node, list):
        for each in node:
            yield from values_of(each, key)


def test_there_are_two() -> None:
    """To be asked on the phone, and to be told once a week."""
    assert [path.stem for path in PATHS] == ["ask_on_the_phone", "weekly_report"]


def test_it_lies_where_home_assistant_keeps_it(path: Path) -> None:
    """So that the folder can be copied as it is."""
    assert path.relative_to(REPOSITORY).parts[:-1] == (
        "blueprints",
        "automation",
        "nightlatch",
    )


def test_it_can_be_imported_from_where_it_says(
    path: Path, blueprint: Blueprint
) -> None:
    """Home Assistant remembers the address, to import it again."""
    source = blueprint.metadata["source_url"]
    assert source.startswith(load_json("manifest.json")["documentation"].split("#")[0])
    assert source.endswith(f"/blob/main/{path.relative_to(REPOSITORY)}")


def test_it_needs_what_nightlatch_needs(blueprint: Blueprint) -> None:
    """Nobody can use it with an older Home Assistant."""
    needed = json.loads((REPOSITORY / "hacs.json").read_text("utf-8"))["homeassistant"]
    assert blueprint.metadata["homeassistant"]["min_version"] == needed


def test_every_input_says_what_it_is_for(blueprint: Blueprint) -> None:
    """A name alone does not tell what to choose; and each has a fitting field."""
    assert blueprint.metadata["description"].endswith(".")
    for name, field in blueprint.inputs.items():
        assert field["name"], name
        assert field["description"].endswith("."), name
        assert field["selector"], name


def test_every_input_is_used(path: Path, blueprint: Blueprint) -> None:
    """Nothing is asked that changes nothing."""
    text = path.read_text("utf-8")
    for name in blueprint.inputs:
        assert f"!input {name}\n" in text, name


def test_our_actions_exist(blueprint: Blueprint) -> None:
    """By the names that are described."""
    ours = {
        action.removeprefix("nightlatch.")
        for action in values_of(blueprint.data, "action")
        if isinstance(action, str) and action.startswith("nightlatch.")
    }
    assert ours
    assert ours <= load_yaml("services.yaml").keys()


def test_its_buttons_are_not_taken_for_those_of_nightlatch(path: Path) -> None:
    """Nightlatch would answer that they are about something that is over."""
    assert "NIGHTLATCH_" not in path.read_text("utf-8").upper()
