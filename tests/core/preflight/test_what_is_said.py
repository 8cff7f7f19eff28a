"""What the rules of the path and of trust say, word for word as the sentences need it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.nightlatch.core.feeds.public_index import Contradiction
from custom_components.nightlatch.core.model import Evidence, Halt, Purpose, Rollout
from custom_components.nightlatch.core.preflight.base import (
    Check,
    Family,
    Reason,
    Verdict,
)
from custom_components.nightlatch.core.preflight.rules import run_checks
from custom_components.nightlatch.core.records.decisions import Decisions
from custom_components.nightlatch.core.schedule.policy import ApprovalNeed, LockPolicy

from .test_checks import (
    APPROVAL,
    DECISIONS,
    NOW,
    RELEASE,
    back,
    dotted,
    feed,
    lock,
    situation,
)

PERSON = LockPolicy(has_door_sensor=True, approval=ApprovalNeed.PERSON)
STEP = replace(RELEASE, minimum_installed_version=dotted("1.0.5"))
DELEGATED = replace(RELEASE, artifact=None, payload=None)
STAGED = replace(RELEASE, rollout=Rollout(percent=5))
KEEPER = "Northside Homes"
GOOD = {"verdict": Verdict.PASS, "reason": Reason.OK}


def seen_for(**time: float) -> dict[str, Any]:
    """Return decisions of a household that has known the release for some time."""
    return {"decisions": Decisions(first_seen={"0" * 64: NOW - timedelta(**time)})}


def said(rule: str, fields: dict[str, Any]) -> Check:
    """Return the one check of a rule."""
    (check,) = (each for each in run_checks(situation(**fields)) if each.rule == rule)
    return check


@pytest.mark.parametrize(
    ("rule", "fields", "expected"),
    [
        ("version", {}, {**GOOD, "measured": "1.0.0", "limit": "1.1.0"}),
        (
            "version",
            {"release": STEP},
            {
                "reason": Reason.STEP_MISSING,
                "measured": "1.0.0",
                "limit": "1.1.0",
                "details": {"step": "1.0.5"},
            },
        ),
        (
            "version",
            lock(firmware_version="1.1.0"),
            {
                "reason": Reason.NOT_NEWER,
                "measured": "1.1.0",
                "limit": "1.1.0",
                "details": {},
            },
        ),
        ("security_floor", {}, {**GOOD, "measured": "2", "limit": "2"}),
        ("security_floor", {"floor": None}, {**GOOD, "measured": "2"}),
        (
            "security_floor",
            {"release": back(security_version=1), "purpose": Purpose.ROLLBACK},
            {
                "reason": Reason.BELOW_SECURITY_FLOOR,
                "measured": "0.9.0",
                "limit": "1.0.0",
            },
        ),
        ("wanted", {}, GOOD),
        (
            "wanted",
            {"decisions": replace(DECISIONS, pinned="1.0"), "unattended": False},
            GOOD,
        ),
        (
            "wanted",
            {"decisions": replace(DECISIONS, pinned="1.0")},
            {"reason": Reason.PINNED, "measured": "1.0", "limit": "1.1.0"},
        ),
        (
            "wanted",
            {"decisions": replace(DECISIONS, skipped="1.1.0")},
            {"reason": Reason.SKIPPED, "measured": "1.1.0"},
        ),
        ("approval", {}, GOOD),
        (
            "approval",
            {"policy": PERSON, "decisions": replace(DECISIONS, approval=APPROVAL)},
            {**GOOD, "measured": "Ann"},
        ),
        (
            "approval",
            {"policy": PERSON},
            {"reason": Reason.NOT_APPROVED, "limit": ApprovalNeed.PERSON},
        ),
        (
            "approval",
            {
                "policy": PERSON,
                "decisions": replace(
                    DECISIONS, approval=replace(APPROVAL, sha256="1" * 64)
                ),
            },
            {"reason": Reason.NOT_APPROVED, "limit": ApprovalNeed.PERSON},
        ),
        ("soak", {}, {**GOOD, "measured": "30.0 d", "limit": "3 d"}),
        ("soak", seen_for(days=3), {**GOOD, "measured": "3.0 d", "limit": "3 d"}),
        (
            "soak",
            seen_for(hours=36),
            {"reason": Reason.SOAKING, "measured": "1.5 d", "limit": "3 d"},
        ),
        (
            "soak",
            {"decisions": Decisions()},
            {"reason": Reason.SOAKING, "measured": "0.0 d", "limit": "3 d"},
        ),
        (
            "soak",
            {**seen_for(hours=36), "unattended": False},
            {**GOOD, "measured": "1.5 d", "limit": "3 d"},
        ),
        ("stage", {}, GOOD),
        (
            "stage",
            {"let_out": False, "release": STAGED},
            {"reason": Reason.STAGED, "measured": "1.1.0", "limit": "5 %"},
        ),
        (
            "stage",
            {"let_out": False, "release": replace(STAGED, keeper=KEEPER)},
            {
                "reason": Reason.STAGED_BY_KEEPER,
                "measured": "1.1.0",
                "limit": "5 %",
                "details": {"keeper": KEEPER},
            },
        ),
        (
            "stage",
            {"let_out": False, "release": STAGED, "unattended": False},
            {**GOOD, "limit": "5 %"},
        ),
        ("halted", {}, GOOD),
        (
            "halted",
            {"release": replace(RELEASE, halted=Halt(why="Bad."))},
            {
                "reason": Reason.HALTED,
                "measured": "1.1.0",
                "details": {"why": "Bad."},
            },
        ),
        (
            "halted",
            {"release": replace(RELEASE, halted=Halt(why="Bad.", keeper=KEEPER))},
            {
                "reason": Reason.HALTED_BY_KEEPER,
                "measured": "1.1.0",
                "details": {"why": "Bad.", "keeper": KEEPER},
            },
        ),
        (
            "halted",
            {"release": replace(RELEASE, halted=Halt(feed_gone=True))},
            {"reason": Reason.HALTED_BY_GONE_FEED, "measured": "1.1.0"},
        ),
        (
            "halted",
            feed(unheard="feed_unreachable"),
            {
                "verdict": Verdict.WARNING,
                "reason": Reason.HALT_UNHEARD,
                "measured": "feed_unreachable",
                "limit": "1.1.0",
            },
        ),
        ("feed", {}, {**GOOD, "measured": "0 h", "limit": "24 h"}),
        (
            "feed",
            feed(checked_at=NOW - timedelta(hours=5.5)),
            {**GOOD, "measured": "5 h", "limit": "24 h"},
        ),
        (
            "feed",
            feed(trouble="feed_unreachable"),
            {
                "reason": Reason.FEED_IN_TROUBLE,
                "measured": "feed_unreachable",
                "limit": "24 h",
            },
        ),
        (
            "feed",
            feed(checked_at=None),
            {"reason": Reason.FEED_NOT_ASKED, "limit": "24 h"},
        ),
        (
            "feed",
            feed(checked_at=NOW + timedelta(hours=1)),
            {"reason": Reason.FEED_NOT_ASKED, "limit": "24 h"},
        ),
        (
            "feed",
            feed(checked_at=NOW - timedelta(hours=25.5)),
            {"reason": Reason.FEED_NOT_ASKED, "measured": "25 h", "limit": "24 h"},
        ),
        (
            "feed",
            feed(expires_at=NOW),
            {"reason": Reason.FEED_EXPIRED, "limit": "24 h"},
        ),
        ("offered", {}, GOOD),
        (
            "offered",
            feed(offers_release=False),
            {"reason": Reason.WITHDRAWN, "measured": "1.1.0"},
        ),
        ("proofs", {}, GOOD),
        ("proofs", feed(key_pinned=False), {"reason": Reason.NO_FIRMWARE_KEY}),
        (
            "proofs",
            {"release": replace(DELEGATED, evidence=Evidence.INTEGRITY_ONLY)},
            {**GOOD, "measured": Evidence.INTEGRITY_ONLY},
        ),
        (
            "proofs",
            {"release": replace(DELEGATED, evidence=Evidence.NOTHING_KNOWN)},
            {
                "verdict": Verdict.WARNING,
                "reason": Reason.NO_PROOF,
                "measured": Evidence.NOTHING_KNOWN,
                "limit": "1.1.0",
            },
        ),
        ("index", {}, GOOD),
        (
            "index",
            feed(contradiction=Contradiction.DOWNGRADE),
            {
                "reason": Reason.INDEX_DOWNGRADE,
                "measured": "1.0.0",
                "limit": "1.1.0",
            },
        ),
    ],
)
def test_a_rule_says_what_it_has_measured_and_against_what(
    rule: str, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    """And what else a person needs to know; nothing more."""
    trust = {"feed", "offered", "halted", "proofs", "index"}
    assert said(rule, fields) == Check(
        family=Family.TRUST if rule in trust else Family.PATH,
        rule=rule,
        **{"verdict": Verdict.BLOCKER, **expected},
    )
