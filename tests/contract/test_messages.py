"""Every error has a sentence that says what happened and what to do."""

from annotationlib import get_annotations
import ast
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
import importlib
import pkgutil

import pytest

from custom_components.nightlatch import core
from custom_components.nightlatch.core import errors
from custom_components.nightlatch.core.guard.conduct import Conduct
from custom_components.nightlatch.core.guard.offer import NoOffer
from custom_components.nightlatch.core.installation.confirmation import BOLT_PROBLEMS
from custom_components.nightlatch.core.installation.standing import Ended, EndStanding
from custom_components.nightlatch.core.model import Evidence
from custom_components.nightlatch.core.preflight import base
from custom_components.nightlatch.core.preflight.power import NoBattery
from custom_components.nightlatch.core.preflight.risk import WayBack
from custom_components.nightlatch.core.records.settable import WhyNot
from custom_components.nightlatch.events import Happening
from custom_components.nightlatch.monitoring.next_step import NextStep
from custom_components.nightlatch.notifications.actions import Verb
from custom_components.nightlatch.notifications.notices import (
    TOLD_AT_ONCE,
    TOLD_IN_THE_DIGEST,
)
from custom_components.nightlatch.texts.standing import SAID_BY_ITSELF

from .integration import (
    calls,
    modules,
    name_of,
    placeholders,
    text_of,
    texts,
    translations,
)
from .test_texts import used_translation_keys

# What the upper storey adds to the details of an error.
NAMES = {"lock", "feed"}
# And what is known of the lock, by how far it came.
_STANDING = {"standing"}
_RUNNING = {"running"}
# Of the last clause of a sentence that names the lock itself.
CLAUSES = {str(reason) for reason in base.Reason}
# There is one vault in a household.
VAULT = {str(reason) for reason in errors.VaultProblem}
# What the rule that compares versions adds, for whatever reason.
_PATH_DETAILS = {"step"}
# Sentences whose keys are put together in the code.
FOR_A_FILE = {
    f"file_{problem}": problem
    for problem in errors.FirmwareProblem
    # Of what is already on its way to a lock.
    if problem is not errors.FirmwareProblem.CHANGED_AFTER_VERIFYING
}
COMPOSED = (
    {f"notice_{happening}" for happening in (*TOLD_AT_ONCE, *TOLD_IN_THE_DIGEST)}
    | {f"notice_{Happening.STARTED}"}
    | {f"{kind}_{verb}" for kind in ("button", "answer") for verb in Verb}
    | {f"risk_way_back_{way}" for way in WayBack}
    | {f"risk_{said_by}" for said_by in NoBattery}
    | {f"way_back_{problem}" for problem in BOLT_PROBLEMS}
    | {
        f"door_{problem}"
        for problem in BOLT_PROBLEMS - {errors.InstallationProblem.BOLT_DID_NOT_MOVE}
    }
    | {f"conduct_{conduct}" for conduct in Conduct}
    | {f"left_at_source_{why}" for why in NoOffer if why is not NoOffer.UP_TO_DATE}
    | {f"settings_why_{why_not}" for why_not in WhyNot}
    | {f"standing_{standing}" for standing in EndStanding}
    | {f"next_step_{step}" for step in NextStep}
    | {f"evidence_{evidence}" for evidence in Evidence}
    | {f"state_{waiting}" for waiting in SAID_BY_ITSELF}
    | set(map(str, Ended))
    | FOR_A_FILE.keys()
)
# Said in one way of a vendor, and in another one of a keeper, who is named.
OF_WHO_SIGNS = "_async_say_who"
# What people are told with a sentence of the translations.
SAYING = {
    "async_sentence",
    "_sentence",
    "async_tell_later",
    "error",
    "_error",
    "_async_say",
}


def reason_enums() -> dict[str, type[StrEnum]]:
    """Return every list of reasons in the core, by its name."""
    return {
        name: value
        for info in pkgutil.walk_packages(core.__path__, f"{core.__name__}.")
        for name, value in vars(importlib.import_module(info.name)).items()
        if isinstance(value, type)
        and issubclass(value, StrEnum)
        and (name.endswith("Problem") or name == "Reason")
    }


ENUMS = reason_enums()
# What each error may be raised with.
ERRORS = {
    name: get_annotations(value)["reason"]
    for name, value in vars(errors).items()
    if isinstance(value, type) and "reason" in get_annotations(value)
}
# A check that passes says nothing.
REASONS = sorted(
    {str(reason) for enum in ENUMS.values() for reason in enum} - {base.Reason.OK}
)


@dataclass
class Raised:
    """The details with which reasons are raised."""

    by_reason: dict[str, list[set[str]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    by_call: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """For reasons that are computed, by the name of what is called."""


@cache
def raised_details() -> Raised:
    """Collect the details of each reason from the code of the core."""
    raised = Raised()
    for module, tree in modules().items():
        if not module.startswith(("core", "adapters")):
            continue
        for name, call in calls(tree):
            details = _details(call)
            if (reason := _reason(call)) is not None:
                raised.by_reason[reason].append(details)
            else:
                raised.by_call[name] |= details
    return raised


def _reason(call: ast.Call) -> str | None:
    """Return the reason that a call names, if it names one and not several."""
    named = call.args[:1] + [
        each.value for each in call.keywords if each.arg == "reason"
    ]
    for node in named:
        if isinstance(node, ast.Attribute) and name_of(node.value) in ENUMS:
            return str(ENUMS[name_of(node.value)][node.attr])
    return None


def _details(call: ast.Call) -> set[str]:
    details = {each.arg for each in call.keywords if each.arg is not None}
    for each in call.keywords:
        if each.arg == "details" and isinstance(each.value, ast.Dict):
            details |= {text for key in each.value.keys if (text := text_of(key))}
    return details


def allowed_placeholders(reason: str) -> set[str]:
    """Return the details that are there wherever a reason is raised."""
    raised = raised_details()
    if reason in CLAUSES:
        # Every check has these two, and fills them even where nothing was measured.
        named = raised.by_reason.get(reason)
        own = set.intersection(*named) if named else set[str]()
        return {"measured", "limit"} | _PATH_DETAILS | own
    if sites := raised.by_reason.get(reason):
        return set.intersection(*sites)
    error = next(
        (name for name, enum in ERRORS.items() if reason in enum), base.Check.__name__
    )
    return raised.by_call[error]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_its_sentence(reason: str) -> None:
    """In the texts that Home Assistant shows for exceptions."""
    assert translations()["exceptions"][reason]["message"]


def test_every_other_exception_has_its_sentence_and_none_is_left_over() -> None:
    """What the upper storey raises by itself."""
    own = used_translation_keys()["exceptions"] | COMPOSED
    upper = set().union(
        *(texts(tree) for name, tree in modules().items() if "core" not in name)
    )
    named = {
        text
        for tree in modules().values()
        for name, call in calls(tree)
        if name in SAYING
        for argument in call.args[:2]
        if (text := text_of(argument)) is not None and text.isidentifier()
    }
    of_keepers = {
        f"{text_of(call.args[1])}_by_keeper"
        for tree in modules().values()
        for name, call in calls(tree)
        if name == OF_WHO_SIGNS
    }
    there = translations()["exceptions"].keys()
    assert {*REASONS, *own, *named, *of_keepers} <= there
    # Those of phrases are held in test_phrases.py.
    left_over = there - {*REASONS, *own, *upper, *of_keepers}
    assert not {key for key in left_over if not key.startswith("phrase_")}


@pytest.mark.parametrize("reason", REASONS)
def test_placeholders_are_among_the_details(reason: str) -> None:
    """A placeholder that nobody fills would hide the whole sentence."""
    text = translations()["exceptions"][reason]["message"]
    known = allowed_placeholders(reason) | NAMES | _STANDING
    if reason in BOLT_PROBLEMS:
        known |= _RUNNING
    assert placeholders(text) <= known


@pytest.mark.parametrize("key", FOR_A_FILE)
def test_who_has_picked_a_file_has_a_sentence_of_their_own(key: str) -> None:
    """No vendor has to hear of it, and nothing was to be sent anywhere."""
    text = translations()["exceptions"][key]["message"]
    assert placeholders(text) <= allowed_placeholders(FOR_A_FILE[key]) | NAMES
    assert "lock" in placeholders(text)
    assert text.count(". ") >= 2
    assert text.endswith(".")
    for wrong in ("ell the vendor", "release", "was sent", "vendor's own tool"):
        assert wrong not in text


@pytest.mark.parametrize("problem", errors.FirmwareProblem)
def test_who_waits_for_a_release_is_not_told_of_a_file_that_they_picked(
    problem: errors.FirmwareProblem,
) -> None:
    """They have picked none."""
    text = translations()["exceptions"][problem]["message"]
    assert "his file" not in text
    assert "Pick " not in text


@pytest.mark.parametrize(
    "reason", [each for each in REASONS if each not in CLAUSES | VAULT]
)
def test_a_sentence_names_the_lock_or_the_feed(reason: str) -> None:
    """In a house with nine locks "the lock" says nothing."""
    text = translations()["exceptions"][reason]["message"]
    assert placeholders(text) & NAMES


@pytest.mark.parametrize("reason", [each for each in REASONS if each not in CLAUSES])
def test_a_sentence_says_what_happened_and_what_to_do(reason: str) -> None:
    """Cause and remedy are two sentences at least, or the blockers say them."""
    text = translations()["exceptions"][reason]["message"]
    assert text.count(". ") >= 1 or "{blockers}" in text
    assert text.endswith((".", "{blockers}"))
