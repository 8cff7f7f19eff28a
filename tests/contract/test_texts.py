"""Every text that the code asks for is there, and no text is left over."""

import ast
from collections import defaultdict
import inspect
import re
import sys
from types import ModuleType
from typing import Any

import probatio
import pytest

from custom_components.nightlatch.config_flow import NightlatchConfigFlow
from custom_components.nightlatch.core.schedule.policy import Importance
from custom_components.nightlatch.flows import lock_form, new_lock
from custom_components.nightlatch.flows.lock import LockFlow
from custom_components.nightlatch.flows.options import HouseholdOptionsFlow

from .integration import (
    PLATFORMS,
    calls,
    keyword,
    leaves,
    load_json,
    load_yaml,
    modules,
    name_of,
    placeholders,
    text_of,
    texts,
    translations,
)

# Home Assistant itself ends a flow with these.
IMPLIED_ABORTS = {
    "async_update_and_abort": "reconfigure_successful",
    "async_update_reload_and_abort": "reconfigure_successful",
    "_abort_if_unique_id_configured": "already_configured",
}
# Steps that show nothing of their own.
STEPS_WITHOUT_FORM = {
    "bluetooth",
    "help",
    "help_evidence",
    "help_recover",
    "import",
    "integration_discovery",
    "look",
    "try_way",
    "way_tried",
}

# Options whose names are those of members, or numbers.
COMPUTED_OPTIONS = {
    *(importance.name.lower() for importance in Importance),
    *(str(day) for day in range(7)),
}

FLOWS: dict[tuple[str, ...], type] = {
    ("config",): NightlatchConfigFlow,
    ("options",): HouseholdOptionsFlow,
    **{
        ("config_subentries", kind): flow
        for kind, flow in NightlatchConfigFlow.async_get_supported_subentry_types(
            None  # type: ignore[arg-type]
        ).items()
    },
}
# Fields that a flow takes from another module.
SHARED_FIELDS: dict[tuple[str, ...], set[str]] = {
    ("config",): {"weekdays", "start", "end"},
    ("config_subentries", "lock"): {"weekdays", "start", "end"},
}
each_flow = pytest.mark.parametrize("path", FLOWS, ids=".".join)


def texts_at(path: tuple[str, ...]) -> dict[str, Any]:
    """Return a part of the translations."""
    node = translations()
    for key in path:
        node = node[key]
    return node


def modules_of(flow: type) -> list[ModuleType]:
    """Return the module that a flow is written in, and those that it shares."""
    shared = [lock_form, new_lock] if flow in {NightlatchConfigFlow, LockFlow} else []
    return [*(sys.modules[each.__module__] for each in own_classes(flow)), *shared]


def own_classes(flow: type) -> list[type]:
    """Return a flow, and what it takes over from other flows of ours."""
    return [each for each in flow.__mro__ if "nightlatch" in each.__module__]


def tree_of(flow: type) -> ast.Module:
    """Return the syntax tree of everything that a flow is written in."""
    trees = [ast.parse(inspect.getsource(module)) for module in modules_of(flow)]
    return ast.Module([node for tree in trees for node in tree.body], [])


def fields_of(flow: type) -> set[str]:
    """Return the names of all form fields of a flow."""
    names: dict[str, Any] = {}
    for module in modules_of(flow):
        names |= vars(module)
    return {
        names[name_of(call.args[0])]
        if isinstance(call.args[0], ast.Name)
        else str(text_of(call.args[0]))
        for name, call in calls(tree_of(flow))
        if name in {probatio.Required.__name__, probatio.Optional.__name__}
    }


def reasons_of(flow: type) -> set[str]:
    """Return the reasons for which a flow aborts."""
    found = set()
    for name, call in calls(tree_of(flow)):
        if name == "async_abort":
            found.add(keyword(call, "reason"))
        elif name in IMPLIED_ABORTS:
            found.add(IMPLIED_ABORTS[name])
    return {reason for reason in found if reason is not None}


def errors_of(flow: type) -> set[str]:
    """Return the errors of a flow: ``errors[field] = "error"``, or returned for all."""
    return {
        text
        for node in ast.walk(tree_of(flow))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript) and name_of(target.value) == "errors"
        if (text := text_of(node.value)) is not None
    } | {
        text
        for node in ast.walk(tree_of(flow))
        if isinstance(node, ast.Return) and node.value is not None
        for shown in ast.walk(node.value)
        if isinstance(shown, ast.Dict)
        for key, value in zip(shown.keys, shown.values, strict=True)
        if text_of(key) == "base"
        or (isinstance(key, ast.Name) and isinstance(value, ast.Constant))
        if (text := text_of(value)) is not None
    }


def steps_of(flow: type) -> set[str]:
    """Return the steps that a flow shows a form for."""
    found = {
        name.removeprefix("async_step_")
        for each in own_classes(flow)
        for name in vars(each)
        if name.startswith("async_step_")
    }
    return found - STEPS_WITHOUT_FORM


def used_translation_keys() -> dict[str, set[str]]:
    """Return the translation keys in the code, by the category that they belong to."""
    used: defaultdict[str, set[str]] = defaultdict(set)
    for module, tree in modules().items():
        for name, call in calls(tree):
            key = keyword(call, "translation_key")
            if key is None:
                continue
            if name.endswith(("Error", "Failed", "NotReady")):
                used["exceptions"].add(key)
            elif name.endswith("create_issue"):
                used["issues"].add(key)
            elif name.endswith("SelectorConfig"):
                used["selector"].add(key)
            else:
                used[f"entity.{module}"].add(key)
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and any(
                name_of(target) in {"_attr_translation_key", "firmware_key"}
                for target in node.targets
            ):
                if name_of(node.value) == "firmware_key":
                    # Each kind of lock names its own.
                    continue
                key = text_of(node.value)
                assert key is not None, f"{module}: {ast.unparse(node)}"
                of_kind = module.startswith("kinds.") or module == "locks.kind"
                used[f"entity.{'update' if of_kind else module}"].add(key)
    return used


def test_texts_are_well_formed() -> None:
    """No stray blanks, markup or braces."""
    for path, text in leaves(translations()):
        assert text, path
        assert text == text.strip(), path
        assert not re.search(r"<[a-z/]", text), path
        assert all(name.isidentifier() for name in placeholders(text)), path
        assert "[%key" not in text, path


def test_top_level_keys_are_ones_that_home_assistant_reads() -> None:
    """A misspelt category would be ignored in silence."""
    assert translations().keys() <= {
        "conditions",
        "config",
        "config_panel",
        "config_subentries",
        "device",
        "entity",
        "exceptions",
        "issues",
        "options",
        "selector",
        "services",
        "system_health",
        "title",
        "triggers",
    }


def test_every_entity_has_its_name_and_no_name_is_left_over() -> None:
    """By platform and translation key."""
    used = {
        path.removeprefix("entity."): keys
        for path, keys in used_translation_keys().items()
        if path.startswith("entity.")
    }
    assert used.keys() <= PLATFORMS
    there = {
        platform: set(entities)
        for platform, entities in translations()["entity"].items()
    }
    assert there == used


def test_every_entity_has_its_icon_and_no_icon_is_left_over() -> None:
    """Quality scale: icon-translations."""
    icons = load_json("icons.json")
    assert {
        platform: set(entities) for platform, entities in icons["entity"].items()
    } == {
        platform: set(entities)
        for platform, entities in translations()["entity"].items()
    }


def test_icons_are_of_the_material_design() -> None:
    """The frontend knows no others."""
    for path, icon in leaves(load_json("icons.json")):
        assert re.fullmatch(r"mdi:[a-z0-9]+(-[a-z0-9]+)*", icon), path


@pytest.mark.parametrize("category", ["issues", "selector"])
def test_every_key_of_a_category_has_its_text(category: str) -> None:
    """Where the code names a key, the text is there."""
    assert used_translation_keys()[category] <= translations().get(category, {}).keys()


def test_no_issue_is_left_over() -> None:
    """Every repair that is described can happen."""
    known = texts(modules()["issues.issues"]).union(
        *(
            texts(tree)
            for name, tree in modules().items()
            if name.startswith(("kinds.", "issues."))
            or name in {"core.errors", "core.vendor_facts", "snapshots.snapshots"}
        )
    )
    assert translations().get("issues", {}).keys() <= known


def test_no_selector_is_left_over() -> None:
    """Every list of options, and every option, stands somewhere in the code."""
    known = set().union(*(texts(tree) for tree in modules().values()))
    known |= COMPUTED_OPTIONS | set(load_yaml("services.yaml")["approve"]["fields"])
    known |= {"maker", "override"}
    for name, selector in translations().get("selector", {}).items():
        assert {name, *selector["options"]} <= known


@pytest.mark.parametrize("category", ["services", "triggers", "conditions"])
def test_actions_triggers_and_conditions_agree_in_all_files(category: str) -> None:
    """What one file describes, the others do too, field by field."""
    described = load_yaml(f"{category}.yaml")
    texts_of = translations().get(category, {})
    assert texts_of.keys() == described.keys()
    assert load_json("icons.json").get(category, {}).keys() == described.keys()
    for name, description in described.items():
        fields = (description or {}).get("fields", {})
        assert texts_of[name].get("fields", {}).keys() == fields.keys(), name


@each_flow
def test_every_step_has_its_texts_and_none_is_left_over(path: tuple[str, ...]) -> None:
    """A step is a form with a title and a description."""
    steps = texts_at(path)["step"]
    assert steps.keys() == steps_of(FLOWS[path])
    for name, step in steps.items():
        assert step["title"], name
        assert step.get("description") or step["data_description"], name


@each_flow
def test_every_field_is_named_and_described(path: tuple[str, ...]) -> None:
    """Quality scale: config-flow; a label alone does not tell what to fill in."""
    steps = texts_at(path)["step"]
    forms = [
        form
        for step in steps.values()
        for form in (step, *step.get("sections", {}).values())
    ]
    for form in forms:
        assert form.get("data", {}).keys() == form.get("data_description", {}).keys()
    named = {field for form in forms for field in form.get("data", {})}
    named |= {name for step in steps.values() for name in step.get("sections", {})}
    assert named >= fields_of(FLOWS[path])
    assert named <= fields_of(FLOWS[path]) | SHARED_FIELDS.get(path, set())


@each_flow
def test_every_error_has_its_text_and_none_is_left_over(path: tuple[str, ...]) -> None:
    """What a form shows when it cannot go on."""
    assert texts_at(path).get("error", {}).keys() == errors_of(FLOWS[path])


@each_flow
def test_every_wait_has_its_text_and_none_is_left_over(path: tuple[str, ...]) -> None:
    """What a dialog shows while something is being done."""
    names: dict[str, Any] = {}
    for module in modules_of(FLOWS[path]):
        names |= vars(module)
    waits = {
        names[name_of(each.value)]
        for name, call in calls(tree_of(FLOWS[path]))
        if name == "async_show_progress"
        for each in call.keywords
        if each.arg == "progress_action"
    }
    assert texts_at(path).get("progress", {}).keys() == waits


@each_flow
def test_every_abort_has_its_text_and_none_is_left_over(path: tuple[str, ...]) -> None:
    """What a dialog shows when it ends without a result."""
    reasons = reasons_of(FLOWS[path])
    if path == ("config",) and load_json("manifest.json").get("single_config_entry"):
        reasons.add("single_instance_allowed")
    assert texts_at(path).get("abort", {}).keys() == reasons


@each_flow
def test_placeholders_of_a_flow_are_filled(path: tuple[str, ...]) -> None:
    """A name between braces stands as a key in the flow's code."""
    known = texts(tree_of(FLOWS[path])) | {
        each.arg
        for _, call in calls(tree_of(FLOWS[path]))
        for each in call.keywords
        if each.arg is not None
    }
    for where, text in leaves(texts_at(path)):
        assert placeholders(text) <= known, where


@pytest.mark.parametrize(
    "path", [path for path in FLOWS if len(path) == 2], ids=".".join
)
def test_every_subentry_has_its_frame(path: tuple[str, ...]) -> None:
    """How it is called, and how adding and changing it is offered."""
    frame = texts_at(path)
    assert frame["entry_type"]
    flow = FLOWS[path]
    offered = {"user", "reconfigure"} & steps_of(flow)
    assert frame["initiate_flow"].keys() == offered
