"""What is wrong with a lock: each case ends in the one thing that fits it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from custom_components.nightlatch.core.errors import (
    DelegateProblem,
    InstallationProblem,
    SourceProblem,
    TransportProblem,
)
from custom_components.nightlatch.core.installation.support_case import (
    CaseFacts,
    CasePart,
    NextAction,
    next_action,
    part_of,
    told_under,
)
from custom_components.nightlatch.core.model import Origin, OutcomeKind
from custom_components.nightlatch.core.preflight.base import (
    Check,
    Family,
    Reason,
    Verdict,
    passed,
)
from custom_components.nightlatch.core.preflight.rules import RULES
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
RADIO_FINE = passed(Family.RADIO, "signal", measured="-60 dBm")
FULL = passed(Family.POWER, "battery", measured="90 %", limit="40 %")
FITS = passed(Family.IDENTITY, "model_and_hardware")
FINE = (RADIO_FINE, FULL, FITS)


def against(
    family: Family, reason: Reason, rule: str = "a rule", *, blocks: bool = True
) -> Check:
    """Return a check that objects."""
    return Check(
        family=family,
        rule=rule,
        verdict=Verdict.BLOCKER if blocks else Verdict.WARNING,
        reason=reason,
    )


def ended(
    kind: OutcomeKind, reason: str | None = None, door: str | None = None
) -> OutcomeRecord:
    """Return how an installation ended."""
    return OutcomeRecord(
        attempt="1",
        kind=kind,
        origin=Origin.PERSON,
        started=NOW,
        ended=NOW,
        seconds=1.0,
        from_version="1.0",
        to_version="1.1",
        touched=True,
        reason=reason,
        door=door,
    )


OUT_OF_RANGE = CaseFacts(
    error=TransportProblem.NOT_FOUND,
    checks=(against(Family.RADIO, Reason.NOT_HEARD), FULL, FITS),
)
LOW = CaseFacts(checks=(RADIO_FINE, against(Family.POWER, Reason.BATTERY_LOW), FITS))
STRANDED = CaseFacts(
    error=TransportProblem.IN_BOOTLOADER, in_bootloader=True, can_recover=True
)
WRONG = CaseFacts(
    other_model=True,
    checks=(RADIO_FINE, FULL, against(Family.IDENTITY, Reason.OTHER_MODEL)),
)
BOLT = ended(OutcomeKind.NEEDS_HAND, InstallationProblem.BOLT_JAMMED)

CASES: dict[str, tuple[CaseFacts, NextAction]] = {
    "nothing wrong": (CaseFacts(checks=FINE), NextAction.NOTHING),
    "nothing wrong, and updated well": (
        CaseFacts(checks=FINE, outcome=ended(OutcomeKind.SUCCEEDED)),
        NextAction.NOTHING,
    ),
    "out of range": (OUT_OF_RANGE, NextAction.WAKE),
    "out of range, with a low battery": (
        replace(OUT_OF_RANGE, checks=(*OUT_OF_RANGE.checks, *LOW.checks)),
        NextAction.BATTERY,
    ),
    "its integration does not reach it": (
        CaseFacts(error=DelegateProblem.NOT_AVAILABLE),
        NextAction.WAKE,
    ),
    "its integration has not for long": (
        CaseFacts(error=DelegateProblem.NOT_AVAILABLE, source=SourceProblem.AWAY),
        NextAction.WAKE,
    ),
    "low battery": (LOW, NextAction.BATTERY),
    "battery that falls, only a warning": (
        CaseFacts(
            checks=(
                *FINE,
                against(Family.POWER, Reason.BATTERY_FALLING, blocks=False),
            )
        ),
        NextAction.NOTHING,
    ),
    "battery that nobody knows": (
        CaseFacts(checks=(RADIO_FINE, against(Family.POWER, Reason.BATTERY_UNKNOWN))),
        NextAction.TRY_AGAIN,
    ),
    "battery that nobody knows, of a watched lock": (
        CaseFacts(
            by_hand=True,
            checks=(RADIO_FINE, against(Family.POWER, Reason.BATTERY_UNKNOWN)),
        ),
        NextAction.NOTHING,
    ),
    "low battery of a watched lock": (
        replace(LOW, by_hand=True),
        NextAction.BATTERY,
    ),
    "wrong model": (WRONG, NextAction.MAKER),
    "wrong model on offer": (
        CaseFacts(checks=(*FINE, against(Family.IDENTITY, Reason.OTHER_MODEL))),
        NextAction.MAKER,
    ),
    "other hardware": (
        CaseFacts(checks=(*FINE, against(Family.IDENTITY, Reason.OTHER_HARDWARE))),
        NextAction.MAKER,
    ),
    "stranded": (STRANDED, NextAction.RECOVER),
    "stranded, with nothing kept": (
        replace(STRANDED, can_recover=False),
        NextAction.MAKER,
    ),
    "stranded and low": (
        replace(STRANDED, checks=LOW.checks),
        NextAction.RECOVER,
    ),
    "held by another integration": (
        CaseFacts(checks=(against(Family.RADIO, Reason.HELD_ELSEWHERE), FULL)),
        NextAction.LET_GO_ELSEWHERE,
    ),
    "held since its restart": (
        CaseFacts(error=TransportProblem.HELD_ELSEWHERE),
        NextAction.LET_GO_ELSEWHERE,
    ),
    "no connection free": (
        CaseFacts(error=TransportProblem.NO_CONNECTION_SLOT, checks=FINE),
        NextAction.TRY_AGAIN,
    ),
    "takes no updates": (
        CaseFacts(error=TransportProblem.NOT_UPDATABLE, checks=FINE),
        NextAction.MAKER,
    ),
    "its entity is gone": (
        CaseFacts(source=SourceProblem.GONE, error=DelegateProblem.NOT_AVAILABLE),
        NextAction.SEE_REPAIRS,
    ),
    "another lock is in its place": (
        CaseFacts(source=SourceProblem.OTHER_DEVICE, checks=LOW.checks),
        NextAction.SEE_REPAIRS,
    ),
    "an installation runs": (
        replace(OUT_OF_RANGE, running=True),
        NextAction.WAIT_FOR_END,
    ),
    "bolt jammed since the update": (
        CaseFacts(checks=FINE, outcome=BOLT, can_go_back=True),
        NextAction.GO_BACK,
    ),
    "bolt jammed, and no way back": (
        CaseFacts(checks=FINE, outcome=BOLT),
        NextAction.MAKER,
    ),
    "door trouble beside another reason": (
        CaseFacts(
            checks=FINE,
            outcome=ended(
                OutcomeKind.ROLLED_BACK,
                TransportProblem.REVERTED,
                InstallationProblem.BOLT_ELSEWHERE,
            ),
            can_go_back=True,
        ),
        NextAction.GO_BACK,
    ),
    "firmware that it refuses": (
        CaseFacts(
            checks=FINE,
            outcome=ended(OutcomeKind.FAILED, TransportProblem.REJECTED_SIGNATURE),
        ),
        NextAction.MAKER,
    ),
    "a link that was lost": (
        CaseFacts(
            checks=FINE, outcome=ended(OutcomeKind.FAILED, "transport_link_lost")
        ),
        NextAction.TRY_AGAIN,
    ),
    "door open": (
        CaseFacts(checks=(*FINE, against(Family.DOOR, Reason.DOOR_OPEN))),
        NextAction.TRY_AGAIN,
    ),
    "over in a while": (
        CaseFacts(checks=(*FINE, against(Family.HOUSE, Reason.BACKUP_RUNNING))),
        NextAction.NOTHING,
    ),
    "taken back by its vendor": (
        CaseFacts(checks=(*FINE, against(Family.TRUST, Reason.WITHDRAWN))),
        NextAction.MAKER,
    ),
    "feed in trouble": (
        CaseFacts(checks=(*FINE, against(Family.TRUST, Reason.FEED_IN_TROUBLE))),
        NextAction.TRY_AGAIN,
    ),
    "not approved yet": (
        CaseFacts(
            checks=(*FINE, against(Family.PATH, Reason.NOT_APPROVED, "approval"))
        ),
        NextAction.NOTHING,
    ),
}


@pytest.mark.parametrize(("facts", "action"), CASES.values(), ids=CASES)
def test_each_case_ends_in_what_fits_it(facts: CaseFacts, action: NextAction) -> None:
    """And never in two things at once."""
    assert next_action(facts) is action


def test_every_action_is_the_end_of_some_case() -> None:
    """None is there that nobody is ever told."""
    assert {action for _, action in CASES.values()} == set(NextAction)


def test_every_reason_that_blocks_is_told_under_one_part() -> None:
    """So nothing that stands against an update is found and not said."""
    for family in Family:
        check = against(family, Reason.DOOR_OPEN)
        assert [part for part in CasePart if check in told_under(part, (check,))] == [
            part_of(check)
        ]
    assert len(RULES) > len(CasePart)


def test_what_people_have_decided_is_nothing_wrong() -> None:
    """It is told in the plan."""
    pinned = against(Family.PATH, Reason.PINNED, "wanted")
    assert part_of(pinned) is CasePart.UPDATE
    assert told_under(CasePart.UPDATE, (pinned,)) == ()


@pytest.mark.parametrize("error", TransportProblem)
def test_a_lock_that_has_not_answered_is_never_called_well(
    error: TransportProblem,
) -> None:
    """Whatever the reason was."""
    assert next_action(CaseFacts(error=error, checks=FINE)) is not NextAction.NOTHING


@pytest.mark.parametrize("source", SourceProblem)
def test_a_source_in_trouble_is_never_called_well(source: SourceProblem) -> None:
    """Whatever is wrong with it."""
    assert next_action(CaseFacts(source=source, checks=FINE)) is not NextAction.NOTHING


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.OK}))
def test_what_blocks_for_longer_ends_in_something_to_do(reason: Reason) -> None:
    """Unless it is over by itself, or somebody has decided it."""
    expected = {
        Reason.BACKUP_RUNNING,
        Reason.BOLT_JUST_MOVED,
        Reason.BOLT_MOVING,
        Reason.DOOR_JUST_MOVED,
        Reason.ENTRY_DOOR_TONIGHT,
        Reason.HOUSE_STARTING,
        Reason.HOUSE_STOPPING,
        Reason.LET_GO,
        Reason.NO_SLOT,
        Reason.NOT_APPROVED,
        Reason.NOT_NEWER,
        Reason.OTHER_INSTALLATION,
        Reason.PAIRED_ELSEWHERE,
        Reason.PINNED,
        Reason.SKIPPED,
        Reason.SOAKING,
        Reason.SOURCE_BUSY,
        Reason.STAGED,
        Reason.STAGED_BY_KEEPER,
    }
    facts = CaseFacts(checks=(*FINE, against(Family.HOUSE, reason)))
    assert (next_action(facts) is NextAction.NOTHING) is (reason in expected)
