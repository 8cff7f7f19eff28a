"""Imports point down, and the ground floor knows nothing of Home Assistant.

The rules are those of docs/architecture.md.
"""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter

import pytest

from .integration import PLATFORMS, modules

# What Home Assistant loads by itself, besides the entity platforms.
ENTRANCES = PLATFORMS | {
    "",
    "backup",
    "condition",
    "config_flow",
    "diagnostics",
    "logbook",
    "repairs",
    "system_health",
    "trigger",
}
# The plain values at the bottom of the core.
GROUND = {
    "core.errors",
    "core.model",
    "core.moments",
    "core.revision_text",
    "core.versions",
}


def imports(module: str, *, with_types: bool) -> Iterator[str]:
    """Yield what a module imports; modules of the integration begin with a dot."""
    trees = modules()
    packages = {name.rpartition(".")[0] for name in trees if name}
    home = module if module in packages else module.rpartition(".")[0]
    todo: list[ast.AST] = [trees[module]]
    while todo:
        node = todo.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not with_types:
                todo.extend(node.orelse)
            case ast.ImportFrom(level=0):
                yield str(node.module)
            case ast.ImportFrom():
                yield from _relative(home, node, set(trees))
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case _:
                todo.extend(ast.iter_child_nodes(node))


def _relative(home: str, node: ast.ImportFrom, known: set[str]) -> Iterator[str]:
    parts = home.split(".") if home else []
    base = parts[: len(parts) - node.level + 1] + (
        node.module.split(".") if node.module else []
    )
    for alias in node.names:
        submodule = ".".join([*base, alias.name])
        yield "." + (submodule if submodule in known else ".".join(base))


@cache
def own_imports(module: str, *, with_types: bool = True) -> frozenset[str]:
    """Return which modules of the integration a module imports."""
    return frozenset(
        name.removeprefix(".")
        for name in imports(module, with_types=with_types)
        if name.startswith(".")
    )


MODULES = sorted(modules())
CORE = [name for name in MODULES if name.split(".")[0] == "core"]
ADAPTERS = [name for name in MODULES if name.split(".")[0] == "adapters"]


@pytest.mark.parametrize("module", CORE)
def test_the_core_knows_nothing_of_home_assistant(module: str) -> None:
    """Not even for the type checker."""
    foreign = [
        name
        for name in imports(module, with_types=True)
        if name.startswith(("homeassistant", "custom_components"))
    ]
    assert not foreign


@pytest.mark.parametrize("module", CORE)
def test_the_core_imports_nothing_from_above(module: str) -> None:
    """What it needs of the world comes in through protocols."""
    assert own_imports(module) <= set(CORE)


@pytest.mark.parametrize("module", sorted(GROUND))
def test_the_plain_values_import_only_each_other(module: str) -> None:
    """Everything may use them, so they use nothing."""
    assert own_imports(module) <= GROUND


@pytest.mark.parametrize("module", CORE)
def test_nothing_in_the_core_stands_above_the_installation(module: str) -> None:
    """It uses preflight, transports, firmware, feeds and records; none uses it."""
    above = {n for n in own_imports(module) if n.startswith("core.installation")}
    assert not above or module.startswith("core.installation")


@pytest.mark.parametrize("module", ADAPTERS)
def test_adapters_use_only_the_core(module: str) -> None:
    """They fill its ports, whoever owns them."""
    assert own_imports(module) <= {*CORE, *ADAPTERS, "const"}


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.split(".")[0] != "kinds"]
)
def test_nobody_asks_of_which_kind_a_lock_is(module: str) -> None:
    """What differs is asked as what a kind can do, so that another one is one file more."""
    compared = [
        ast.unparse(node)
        for node in ast.walk(modules()[module])
        if isinstance(node, ast.Compare)
        and any(
            ast.unparse(side).endswith("kind.name")
            for side in (node.left, *node.comparators)
        )
    ]
    assert not compared
    assert not {name for name in own_imports(module) if name.startswith("kinds.")}


@pytest.mark.parametrize("module", MODULES)
def test_nobody_imports_what_home_assistant_loads(module: str) -> None:
    """Platforms and flows are the roof; only tests may look at them."""
    assert not own_imports(module) & ENTRANCES


@pytest.mark.parametrize("module", MODULES)
def test_nothing_knows_the_rig(module: str) -> None:
    """The rig is development equipment."""
    assert not [n for n in imports(module, with_types=True) if n.startswith("tests")]


def test_imports_go_in_no_circle() -> None:
    """Imports for the type checker aside, which Python does not run."""
    graph = {
        module: own_imports(module, with_types=False) - {module} for module in MODULES
    }
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", MODULES)
def test_imports_stand_at_the_top(module: str) -> None:
    """An import inside a function hides a circle."""
    hidden = [
        ast.unparse(node)
        for function in ast.walk(modules()[module])
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert not hidden
