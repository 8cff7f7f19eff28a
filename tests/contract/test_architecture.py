"""Imports point down, and the ground floor knows nothing of Home Assistant.

The rules are those of docs/architecture.md.
"""

import ast
from graphlib import TopologicalSorter

import pytest

from .imports import MODULES, imports, own_imports
from .integration import PLATFORMS, modules, name_of
from .rooms import ENTRANCE, ORDER, drawn, room_of, shown

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
    "core.phrase",
    "core.model",
    "core.moments",
    "core.revision_text",
    "core.versions",
}


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


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down_through_the_rooms(module: str) -> None:
    """Those for the type checker too: who knows a name from above knows too much."""
    upwards = [
        f"{room_of(module)} uses {room_of(used)}: {module} imports {used}"
        for used in sorted(own_imports(module))
        if ORDER.index(room_of(used)) > ORDER.index(room_of(module))
    ]
    assert not upwards


@pytest.mark.parametrize("module", MODULES)
def test_every_module_stands_in_a_room(module: str) -> None:
    """What is at the top level is looked for there by Home Assistant, or is a room."""
    assert room_of(module) != ENTRANCE or module in ENTRANCES


def test_the_rooms_are_drawn_as_they_are() -> None:
    """``python -m tests.contract.rooms`` draws them anew."""
    assert shown() == drawn()


# Who may look through all services: what people and Home Assistant come in by.
_MAY_REACH_THROUGH = {
    "flows",
    "entity",
    "panel",
    "report",
    "actions",
    "runtime",
    ENTRANCE,
}
# These know nothing of a runtime; what they call so is a plan's, or of others' entries.
_KNOW_NONE = {"core", "adapters"}


@pytest.mark.parametrize(
    "module",
    [
        name
        for name in MODULES
        if room_of(name) not in {*_MAY_REACH_THROUGH, *_KNOW_NONE}
    ],
)
def test_nobody_reaches_through_to_somebody_elses_parts(module: str) -> None:
    """A service is given what it uses."""
    through = [
        ast.unparse(node)
        for node in ast.walk(modules()[module])
        if isinstance(node, ast.Attribute)
        and name_of(node.value) in {"household", "runtime", "runtime_data"}
    ]
    assert not through


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
    # Only what puts the services together gives each lock its kind, and what takes all
    # away lifts the holds.
    assert module in {"runtime", ""} or not {
        name for name in own_imports(module) if name.startswith("kinds.")
    }


@pytest.mark.parametrize("module", MODULES)
def test_nobody_imports_what_home_assistant_loads(module: str) -> None:
    """Platforms and flows are the roof; only tests may look at them."""
    assert not own_imports(module) & ENTRANCES


@pytest.mark.parametrize("module", MODULES)
def test_nothing_knows_the_rig(module: str) -> None:
    """The rig is development equipment."""
    assert not [n for n in imports(module, with_types=True) if n.startswith("tests")]


def test_imports_go_in_no_circle() -> None:
    """Within a room neither, imports for the type checker included."""
    graph = {module: own_imports(module) - {module} for module in MODULES}
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


def test_a_public_class_name_has_one_meaning() -> None:
    """Whoever reads it knows what it is, wherever it stands."""
    found: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(module)
    assert not {name: where for name, where in found.items() if len(where) > 1}
