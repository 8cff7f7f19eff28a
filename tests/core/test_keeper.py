"""What a lock can believe of a keeper's releases."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.nightlatch.core.advisories.published import (
    PublishedAdvisory,
    VersionSpan,
)
from custom_components.nightlatch.core.advisories.security import assess
from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from custom_components.nightlatch.core.keeper import (
    as_believed,
    is_of_other_signer,
    keys_for,
    known_signer,
)
from custom_components.nightlatch.core.model import (
    Advisory,
    Artifact,
    Evidence,
    LockIdentity,
    Origin,
    OutcomeKind,
    Purpose,
    Severity,
    Source,
)
from custom_components.nightlatch.core.preflight.base import Reason, Verdict
from custom_components.nightlatch.core.preflight.rules import run_checks
from custom_components.nightlatch.core.preflight.situation import FeedState
from custom_components.nightlatch.core.records.decisions import Choice
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.records.lock_record import LockRecord
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.schedule.policy import (
    ApprovalNeed,
    LockPolicy,
    Mode,
    policy_for,
)
from custom_components.nightlatch.core.schedule.soak import soak_days_of
from custom_components.nightlatch.core.select import PassedOver, reason_against
from custom_components.nightlatch.core.versions import VersionScheme
from tests.core.preflight.test_checks import (
    FLOOR,
    IDENTITY,
    NOW,
    RELEASE,
    dotted,
    situation,
)
from tests.rig.dfu_package import generate_key, public_pem

MAKERS, OTHERS = (load_firmware_key(public_pem(generate_key())) for _ in range(2))
KEEPER = "Northside Homes"
RUNS = replace(
    RELEASE,
    version=dotted("1.0.0"),
    artifact=Artifact(path="kl-1/1.0.0.zip", length=1, sha256="1" * 64),
)
KEPT = replace(
    RELEASE,
    keeper=KEEPER,
    evidence=Evidence.SIGNATURE_PRESENT,
    security_version=0,
    severity=Severity.CRITICAL,
    advisories=(Advisory(id="CVE-2026-1"),),
)


def record(*outcomes: OutcomeRecord, since: timedelta = timedelta()) -> LockRecord:
    """Return what is remembered of a lock that runs 1.0.0."""
    return LockRecord(
        identity=LockIdentity(
            model="KL-1", hardware_revision="B", firmware_version="1.0.0"
        ),
        read_at=NOW,
        running_since=NOW - since,
        history=outcomes,
    )


def installed(**fields: Any) -> OutcomeRecord:
    """Return how 1.0.0 was installed, just now."""
    values: dict[str, Any] = {
        "attempt": "a",
        "kind": OutcomeKind.SUCCEEDED,
        "origin": Origin.PERSON,
        "started": NOW,
        "ended": NOW,
        "seconds": 60.0,
        "from_version": "0.9.0",
        "to_version": "1.0.0",
        "sha256": RUNS.key,
        **fields,
    }
    return OutcomeRecord(**values)


def running(source: Source = Source.FEED, **fields: Any) -> KeptRelease:
    """Return what is kept of 1.0.0."""
    return KeptRelease(release=replace(RUNS, **fields), signer=MAKERS, source=source)


def test_the_signer_of_what_runs_is_known_from_the_vendor_or_from_here() -> None:
    """A vendor's own feed, or an installation on this very lock that has succeeded."""
    assert known_signer(record(), running()) == MAKERS
    assert known_signer(record(installed()), running(keeper=KEEPER)) == MAKERS
    assert known_signer(record(installed()), running(Source.FILE)) == MAKERS
    assert known_signer(record(), None) is None


@pytest.mark.parametrize(
    "was",
    [
        record(),
        record(installed(kind=OutcomeKind.FAILED)),
        record(installed(sha256="2" * 64)),
        record(installed(to_version="0.9.0")),
        # Somebody else has installed it since, or another lock hangs there now.
        record(installed(ended=NOW - timedelta(days=1))),
    ],
)
def test_what_only_says_that_it_runs_proves_nobody(was: LockRecord) -> None:
    """Or two files of a keeper's would prove each other."""
    assert known_signer(was, running(keeper=KEEPER)) is None
    assert known_signer(was, running(Source.FILE)) is None


def test_another_lock_at_the_door_has_run_nothing() -> None:
    """Though the door's history goes on."""
    before = record().ended(installed())
    assert before.has_run(RUNS.key)
    assert before.runs_as_installed(RUNS.key)
    kept = running(keeper=KEEPER)
    for passed in (timedelta(), timedelta(minutes=1), timedelta(hours=1)):
        taken = before.taken_over(before.identity, NOW + passed)
        # Also over a restart, and where the clock is put back behind all of it.
        for later in (
            taken,
            LockRecord.from_dict(taken.to_dict()),
            taken.put_right(NOW - timedelta(days=1)),
        ):
            assert later.history
            assert not later.has_run(RUNS.key)
            assert not later.runs_as_installed(RUNS.key)
            assert known_signer(later, kept) is None
            assert (later.outcome, later.attempted) == (None, None)
    again = taken.ended(installed(attempt="b"))
    assert again.has_run(RUNS.key)
    assert len(again.history) == 2


def test_an_image_is_held_to_the_signer_that_was_promised() -> None:
    """Also where nobody knows that one any more; and other releases are left alone."""
    named = (OTHERS, MAKERS)
    proven = as_believed(KEPT, MAKERS, named)
    assert proven.evidence is Evidence.SAME_SIGNER
    assert not proven.rests_on_keeper
    assert keys_for(proven, MAKERS, named) == (MAKERS,)
    assert keys_for(proven, None, named) == ()
    assert keys_for(proven, MAKERS, (OTHERS,)) == ()
    for signer in (None, load_firmware_key(public_pem(generate_key()))):
        assert as_believed(KEPT, signer, named) is KEPT
        assert keys_for(KEPT, signer, named) == named
    assert as_believed(RELEASE, MAKERS, named) is RELEASE
    assert as_believed(replace(KEPT, payload=None), MAKERS, named).payload is None
    assert keys_for(RELEASE, None, named) == named
    assert is_of_other_signer(KEPT, MAKERS, (OTHERS,))
    assert not is_of_other_signer(KEPT, MAKERS, named)
    assert not is_of_other_signer(KEPT, None, named)
    assert not is_of_other_signer(RELEASE, MAKERS, (OTHERS,))


def test_it_runs_by_itself_only_with_a_known_signer() -> None:
    """Else a person approves it, as a file; whatever the owner has set for vendors."""
    policy = LockPolicy(mode=Mode.AUTOMATIC)
    asks = policy_for(policy, None, KEPT)
    assert (asks.mode, asks.approval) == (Mode.ASK, ApprovalNeed.PERSON)
    proven = as_believed(KEPT, MAKERS, (MAKERS,))
    assert policy_for(policy, None, proven) is policy
    assert policy_for(policy, None, RELEASE) is policy
    strict = replace(policy, approval=ApprovalNeed.SECOND_FACTOR)
    assert policy_for(strict, None, KEPT).approval is ApprovalNeed.SECOND_FACTOR
    back = Choice(
        version="1.0.0", sha256=RUNS.key, source=Source.VAULT, purpose=Purpose.ROLLBACK
    )
    assert policy_for(policy, back, KEPT).approval is ApprovalNeed.SECOND_FACTOR


def test_a_keepers_word_hurries_nothing() -> None:
    """Neither its severity, nor what it says to close."""
    vendors = replace(KEPT, keeper=None)
    for closes in (Severity.NONE, Severity.CRITICAL):
        assert soak_days_of(vendors, 7, closes) == 0
        assert soak_days_of(KEPT, 7, closes) == 7


def test_a_keeper_does_not_talk_away_what_was_reviewed() -> None:
    """The facts count more; a vendor's own feed counts more than they do."""
    fact = PublishedAdvisory(id="CVE-2026-1", affected=(VersionSpan(highest="1.2.0"),))
    says = PublishedAdvisory(id="CVE-2026-1", model="KL-1", cleared=(VersionSpan(),))

    def found(keeper: str | None) -> list[bool]:
        assessment = assess(
            "1.0.0",
            VersionScheme.DOTTED,
            told_by_feed=(replace(says, keeper=keeper),),
            facts=(fact,),
            releases=(),
            offer=replace(KEPT, keeper=keeper),
        )
        return [each.is_closed_by_offer for each in assessment.open]

    assert found(None) == []
    # And that its release closes it is the keeper's word too.
    assert found(KEEPER) == [False]


def test_a_keeper_cannot_lower_nor_raise_the_security_floor() -> None:
    """It is not asked for one; version and counter go upwards all the same."""
    assert FLOOR.security_version > 0

    def against(**fields: Any) -> PassedOver | None:
        release = replace(KEPT, **fields)
        return reason_against(release, IDENTITY, VersionScheme.DOTTED, FLOOR)

    assert against() is None
    assert against(keeper=None) is PassedOver.BELOW_FLOOR
    assert KEPT.payload is not None
    low = replace(KEPT.payload, firmware_version=0)
    assert against(payload=low) is PassedOver.BELOW_FLOOR
    assert against(version=dotted("0.5.0")) is PassedOver.NOT_NEWER


@pytest.mark.parametrize(
    ("release", "other", "reason", "verdict"),
    [
        (RELEASE, False, Reason.OK, Verdict.PASS),
        (KEPT, False, Reason.KEEPER_ALONE, Verdict.WARNING),
        (KEPT, True, Reason.KEEPER_OTHER_SIGNER, Verdict.BLOCKER),
        (as_believed(KEPT, MAKERS, (MAKERS,)), False, Reason.OK, Verdict.PASS),
    ],
)
def test_preflight_says_what_proves_it(
    release: Any, other: bool, reason: Reason, verdict: Verdict
) -> None:
    """Of another signer than what runs nothing is installed, and nobody can override."""
    feed = FeedState(
        checked_at=NOW, expires_at=NOW + timedelta(days=1), other_signer=other
    )
    checks = run_checks(situation(release=release, feed=feed))
    (check,) = [each for each in checks if each.rule == "keeper"]
    assert (check.reason, check.verdict) == (reason, verdict)
