"""Each trigger and condition has a page of its own, with all that can be set."""

from pathlib import Path
import re
from typing import Any

import pytest

from homeassistant.util.yaml import parse_yaml

from .integration import load_yaml, translations

DOCS = Path(__file__).parents[2] / "docs"
EACH = [
    (kind, name)
    for kind in ("triggers", "conditions")
    for name in load_yaml(f"{kind}.yaml")
]


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_it_has_a_page(kind: str, name: str) -> None:
    """With its name, the way there in the user interface, each parameter, and YAML."""
    page = (DOCS / kind / f"{name}.md").read_text("utf-8")
    called = translations()[kind][name]["name"]
    assert page.startswith(f"# {kind.removesuffix('s').title()}: {called}\n")
    assert f"→ Nightlatch → {called}**" in page
    assert "| `target` | yes |" in page
    declared: dict[str, Any] = load_yaml(f"{kind}.yaml")[name]
    told = set(re.findall(r"\| `options\.(\w+)`", page))
    assert told == set(declared.get("fields", {}))
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    read: Any = parse_yaml(block)
    (shown,) = read[kind]
    assert shown[kind.removesuffix("s")] == f"nightlatch.{name}"
    assert set(shown.get("options", {})) == told


@pytest.mark.parametrize(("kind", "name"), EACH)
def test_the_list_leads_there(kind: str, name: str) -> None:
    """Nobody has to guess that there is more."""
    assert f"]({kind}/{name}.md)" in (DOCS / "actions.md").read_text("utf-8")
