"""No sentence shows a question mark where it should say something."""

import ast
from dataclasses import replace
from datetime import timedelta
import re
from typing import Any

import pytest

from custom_components.nightlatch.core.model import (
    NO_MODEL,
    BatteryReading,
    Evidence,
    LockIdentity,
    Purpose,
)
from custom_components.nightlatch.core.preflight.base import Check, Reason
from custom_components.nightlatch.core.preflight.rules import run_checks
from custom_components.nightlatch.core.records.decisions import Decisions
from custom_components.nightlatch.translation import filled
from tests.core.preflight.test_checks import (
    BLOCKED,
    KEPT,
    LONG_AGO,
    NOW,
    RELEASE,
    back,
    feed,
    lock,
    situation,
)

from .integration import leaves, modules, placeholders, translations

DELEGATED = replace(RELEASE, artifact=None, payload=None, hardware_revisions=())
KEPT_ALONE = replace(KEPT, evidence=Evidence.SIGNATURE_PRESENT)
# What warns only, or stands in the way back, beside what blocks at night.
OTHERS: list[tuple[Reason, dict[str, Any]]] = [
    (
        Reason.NO_PROOF,
        {
            "release": DELEGATED,
            "decisions": Decisions(first_seen={DELEGATED.key: LONG_AGO}),
            **lock(hardware_revision=None),
        },
    ),
    (Reason.KEEPER_ALONE, {"release": KEPT_ALONE}),
    (Reason.HALT_UNHEARD, feed(unheard="feed_unreachable")),
    (
        Reason.BATTERY_FALLING,
        {
            "battery_history": (BatteryReading(level=99, at=NOW - timedelta(days=5)),),
            **lock(battery=83),
        },
    ),
    (
        Reason.REFUSED_BY_LOCK,
        {"release": back(counter=9_999), "purpose": Purpose.ROLLBACK},
    ),
    (
        Reason.BELOW_SECURITY_FLOOR,
        {"release": back(security_version=1), "purpose": Purpose.ROLLBACK},
    ),
    # Locks that tell little.
    (Reason.OTHER_MODEL, lock(model=NO_MODEL)),
    (Reason.OTHER_MODEL, lock(model=NO_MODEL, hardware_revision=None)),
]
# Question marks that nobody reads: what is kept, what is read, what is a pattern.
NOT_SHOWN = {
    "core.model": "what is kept for a model that nobody tells",
    "install.staging": "what a file is kept under without a maker",
    "core.discovery": "a pattern",
    "core.versions": "what others write for no version",
}


def texts() -> dict[str, str]:
    """Return every sentence."""
    return {key: text["message"] for key, text in translations()["exceptions"].items()}


def told(check: Check) -> str:
    """Return a check in words."""
    names = {"lock": "Front door", "feed": "Acme"}
    return filled(texts()[check.reason], {**check.placeholders, **names})


@pytest.mark.parametrize(("reason", "fields"), [*BLOCKED, *OTHERS])
def test_a_check_is_told_without_a_gap(reason: Reason, fields: dict[str, Any]) -> None:
    """Whatever was not measured: then its sentence does not name it."""
    checks = [
        each for each in run_checks(situation(**fields)) if each.reason is not Reason.OK
    ]
    assert reason in {each.reason for each in checks}
    for check in checks:
        assert placeholders(texts()[check.reason]) <= check.placeholders.keys()
        assert not re.search(r"[?…]|None", told(check)), told(check)


def test_every_check_was_told() -> None:
    """A new reason without a case would be told by nobody."""
    assert {reason for reason, _ in [*BLOCKED, *OTHERS]} | {Reason.OK} == set(Reason)


def test_nothing_falls_back_to_a_question_mark() -> None:
    """Neither a value of a sentence, nor what is shown anywhere else."""
    found = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value == "?"
    }
    assert found == NOT_SHOWN.keys()


def test_a_question_mark_is_asked_of_a_person() -> None:
    """At the end of a title, a label or a description of a form, and nowhere else."""
    for path, text in leaves(translations()):
        if "?" in text:
            assert text.endswith("?"), path
            assert not path.startswith(("exceptions", "notifications")), path


def test_a_model_that_nobody_tells_is_none() -> None:
    """What is kept for it is no name."""
    identity = LockIdentity(
        model=NO_MODEL, hardware_revision=None, firmware_version="1.0.0"
    )
    assert identity.told_model is None
    assert replace(identity, model="KL-1").told_model == "KL-1"
