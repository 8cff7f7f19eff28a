"""The manifest, the quality scale and the brand are as hassfest wants them.

hassfest itself is in no package; the workflow runs it. This is what of it can be known
without: https://developers.home-assistant.io/docs/creating_integration_manifest.
"""

import ast
from collections.abc import Iterator
import re

from PIL import Image
import pytest

from homeassistant.loader import Manifest
from homeassistant.util.yaml import load_yaml_dict

from .integration import PLATFORMS, ROOT, load_json, load_yaml, modules

REQUIRED = {
    "domain",
    "name",
    "codeowners",
    "config_flow",
    "documentation",
    "integration_type",
    "iot_class",
    "issue_tracker",
    "version",
}
IOT_CLASSES = {
    "assumed_state",
    "calculated",
    "cloud_polling",
    "cloud_push",
    "local_polling",
    "local_push",
}
# Home Assistant has these running in any case.
ALWAYS_THERE = {
    "automation",
    "frontend",
    "hassio",
    "persistent_notification",
    "person",
    "system_health",
    "websocket_api",
}

# https://developers.home-assistant.io/docs/core/integration-quality-scale/rules
BRONZE = [
    "action-setup",
    "appropriate-polling",
    "brands",
    "common-modules",
    "config-flow",
    "config-flow-test-coverage",
    "dependency-transparency",
    "docs-actions",
    "docs-conditions",
    "docs-high-level-description",
    "docs-installation-instructions",
    "docs-removal-instructions",
    "docs-triggers",
    "entity-event-setup",
    "entity-unique-id",
    "has-entity-name",
    "runtime-data",
    "test-before-configure",
    "test-before-setup",
    "unique-config-entry",
]
SILVER = [
    "action-exceptions",
    "config-entry-unloading",
    "docs-configuration-parameters",
    "docs-installation-parameters",
    "entity-unavailable",
    "integration-owner",
    "log-when-unavailable",
    "parallel-updates",
    "reauthentication-flow",
    "test-coverage",
]
GOLD = [
    "devices",
    "diagnostics",
    "discovery",
    "discovery-update-info",
    "docs-data-update",
    "docs-examples",
    "docs-known-limitations",
    "docs-supported-devices",
    "docs-supported-functions",
    "docs-troubleshooting",
    "docs-use-cases",
    "dynamic-devices",
    "entity-category",
    "entity-device-class",
    "entity-disabled-by-default",
    "entity-translations",
    "exception-translations",
    "icon-translations",
    "reconfiguration-flow",
    "repair-issues",
    "stale-devices",
]
PLATINUM = ["async-dependency", "inject-websession", "strict-typing"]


def components_imported_by(tree: ast.Module) -> Iterator[str]:
    """Yield the components that a module imports when it is run."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                todo.extend(node.orelse)
            case ast.ImportFrom(module="homeassistant.components"):
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module), level=0):
                yield from _component(module)
            case ast.Import():
                for alias in node.names:
                    yield from _component(alias.name)
            case _:
                todo.extend(ast.iter_child_nodes(node))


def _component(module: str) -> list[str]:
    head, _, rest = module.partition("homeassistant.components.")
    return [rest.split(".")[0]] if not head and rest else []


def test_the_keys_stand_in_the_order_that_home_assistant_wants() -> None:
    """Domain and name first, the rest by the alphabet."""
    keys = list(load_json("manifest.json"))
    assert keys == ["domain", "name", *sorted(set(keys) - {"domain", "name"})]


def test_no_key_is_missing_or_unknown() -> None:
    """A misspelt key would be ignored in silence."""
    keys = load_json("manifest.json").keys()
    # What only older or newer releases, or core, know.
    assert keys >= REQUIRED
    assert keys <= set(Manifest.__annotations__) - {
        "is_built_in",
        "overwrites_built_in",
    }


def test_the_values_are_ones_that_home_assistant_knows() -> None:
    """The loader and hassfest are strict about these."""
    manifest = load_json("manifest.json")
    assert manifest["domain"] == ROOT.name
    assert manifest["config_flow"] is True
    assert manifest["integration_type"] in {"device", "hub", "service"}
    assert manifest["iot_class"] in IOT_CLASSES
    assert manifest["documentation"].startswith("https://")
    assert manifest["issue_tracker"].startswith("https://")
    assert manifest["codeowners"]
    assert all(owner.startswith("@") for owner in manifest["codeowners"])
    major, minor, patch = manifest["version"].split(".")
    assert f"{int(major)}.{int(minor)}.{int(patch)}" == manifest["version"]


def test_requirements_are_pinned() -> None:
    """What was tested is what gets installed."""
    for requirement in load_json("manifest.json")["requirements"]:
        name, _, version = requirement.partition("==")
        assert name, requirement
        assert version, requirement


@pytest.mark.parametrize("key", ["dependencies", "after_dependencies", "loggers"])
def test_lists_are_sorted_and_name_nothing_twice(key: str) -> None:
    """So that a change shows as one line."""
    values = load_json("manifest.json").get(key, [])
    assert values == sorted(set(values))


def test_every_component_that_is_imported_is_declared() -> None:
    """Otherwise it may not be loaded, or not be there at all."""
    manifest = load_json("manifest.json")
    declared = {
        *manifest.get("dependencies", []),
        *manifest.get("after_dependencies", []),
    }
    # hassfest counts the adapters as bluetooth, which they load.
    if "bluetooth_adapters" in declared:
        declared.add("bluetooth")
    trees = modules()
    # A platform file of the same name is loaded by its component only.
    allowed = declared | PLATFORMS | ALWAYS_THERE | trees.keys()
    undeclared = {
        f"{name or '__init__'} imports {component}"
        for name, tree in trees.items()
        for component in components_imported_by(tree)
        if component not in allowed
    }
    assert not undeclared


def test_no_dependency_is_declared_for_nothing() -> None:
    """Every one of them has to be loaded before Nightlatch."""
    imported = {
        component
        for tree in modules().values()
        for component in components_imported_by(tree)
    }
    if "bluetooth" in imported:
        imported.add("bluetooth_adapters")
    manifest = load_json("manifest.json")
    assert set(manifest.get("dependencies", [])) <= imported


def test_each_platform_states_its_parallel_updates() -> None:
    """Quality scale: parallel-updates."""
    for name, tree in modules().items():
        if name in PLATFORMS:
            stated = [
                target.id
                for node in tree.body
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            ]
            assert "PARALLEL_UPDATES" in stated, name


def test_actions_are_described_without_keys_of_our_own() -> None:
    """A key with a dot hassfest takes only from Home Assistant's own integrations."""
    described = load_yaml_dict(ROOT / "services.yaml")
    assert not [key for key in described if key.startswith(".")]


def test_the_quality_scale_answers_every_rule() -> None:
    """No rule is left out, and none is made up."""
    rules = load_yaml("quality_scale.yaml").get("rules", {})
    assert rules.keys() == {*BRONZE, *SILVER, *GOLD, *PLATINUM}


def test_the_quality_scale_gives_a_reason_for_each_exemption() -> None:
    """An answer is done, todo or exempt; the last needs a comment."""
    for rule, answer in load_yaml("quality_scale.yaml").get("rules", {}).items():
        if isinstance(answer, str):
            assert answer in {"done", "todo"}, rule
        else:
            assert answer["status"] in {"done", "todo", "exempt"}, rule
            assert answer["comment"].strip(), rule


_NAMED = re.compile(
    r"(?<![\w./-])((?:[\w-]+/)*[\w-]+\.(?:py|md|json|yaml|ambr|png)|(?:[\w-]+/)+[\w-]*)"
    r"(?:::(\w+)|#([\w-]+))?"
)


def _evidence() -> Iterator[tuple[str, str, str, str]]:
    """Return what each answer of the quality scale names: a file, a test, a heading."""
    for rule, answer in load_yaml("quality_scale.yaml").get("rules", {}).items():
        comment = answer["comment"] if isinstance(answer, dict) else ""
        for path, test, heading in _NAMED.findall(comment):
            yield rule, path, test, heading


def test_what_the_quality_scale_calls_done_is_shown_somewhere() -> None:
    """By a file that is there, in the integration or beside it."""
    rules = load_yaml("quality_scale.yaml").get("rules", {})
    done = {
        rule
        for rule, answer in rules.items()
        if answer == "done" or (isinstance(answer, dict) and answer["status"] == "done")
    }
    assert done <= {rule for rule, *_ in _evidence()}


@pytest.mark.parametrize(("rule", "path", "test", "heading"), _evidence())
def test_what_the_quality_scale_names_is_there(
    rule: str, path: str, test: str, heading: str
) -> None:
    """Files, the tests in them, and the headings of pages."""
    repository = ROOT.parent.parent
    found = next(
        (each for each in (ROOT / path, repository / path) if each.exists()), None
    )
    assert found is not None, f"{rule}: {path}"
    if test:
        assert re.search(rf"^(async )?def {test}\(", found.read_text(), re.MULTILINE)
    if heading:
        headings = re.findall(r"^#+ (.+)$", found.read_text(), re.MULTILINE)
        assert heading in {each.lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("icon.png", (256, 256)),
        ("icon@2x.png", (512, 512)),
        ("logo.png", (814, 256)),
        ("dark_logo.png", (814, 256)),
    ],
)
def test_the_brand_is_there(name: str, size: tuple[int, int]) -> None:
    """Icons are square and logos at most 256 pixels high; all see-through."""
    with Image.open(ROOT / "brand" / name) as image:
        assert image.size == size
        assert image.mode == "RGBA"
        assert image.getpixel((0, 0)) == (0, 0, 0, 0)
