"""The integration's files and the syntax trees of its modules."""

import ast
from collections.abc import Iterator
from functools import cache
import json
from pathlib import Path
import string
from typing import Any, Final

import custom_components.nightlatch as integration
from homeassistant.const import Platform
from homeassistant.util.yaml import load_yaml_dict

ROOT: Final = Path(integration.__file__).parent
PLATFORMS: Final = frozenset(platform.value for platform in Platform)


def load_json(name: str) -> dict[str, Any]:
    """Return a JSON file of the integration."""
    content: dict[str, Any] = json.loads((ROOT / name).read_text("utf-8"))
    return content


def load_yaml(name: str) -> dict[str, Any]:
    """Return a YAML file of the integration; nothing where there is none.

    Without what begins with a dot: that is only there to be used elsewhere in the file.
    """
    path = ROOT / name
    content = load_yaml_dict(path) if path.exists() else {}
    return {key: value for key, value in content.items() if not key.startswith(".")}


@cache
def translations() -> dict[str, Any]:
    """Return the English texts."""
    return load_json("translations/en.json")


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of each module, by its dotted name within the package.

    The name of a package's own module is that of the package; the integration's is "".
    """
    trees = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        trees[name] = ast.parse(path.read_text("utf-8"), str(path))
    return trees


def name_of(node: ast.expr) -> str:
    """Return the last part of a name: ``Error`` for ``package.Error``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call in a tree, with the name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield name_of(node.func), node


def text_of(node: ast.expr | None) -> str | None:
    """Return a text that stands in the code as such."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def keyword(call: ast.Call, name: str) -> str | None:
    """Return the text that a call passes under a name."""
    for each in call.keywords:
        if each.arg == name:
            return text_of(each.value)
    return None


def texts(tree: ast.AST) -> set[str]:
    """Return every text that stands in the code."""
    return {text for node in ast.walk(tree) if (text := text_of_node(node)) is not None}


def text_of_node(node: ast.AST) -> str | None:
    """Return a node's text if it is one."""
    return text_of(node) if isinstance(node, ast.expr) else None


def placeholders(text: str) -> set[str]:
    """Return the names between braces."""
    return {
        name for _, name, _, _ in string.Formatter().parse(text) if name is not None
    }


def leaves(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield every text of a translation file with its dotted path."""
    if isinstance(node, str):
        yield ".".join(path), node
        return
    for key, child in node.items():
        yield from leaves(child, (*path, key))
