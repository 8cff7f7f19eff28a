"""A stranded lock: whose it is, when it is tried again, and with what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.errors import (
    FirmwareProblem,
    InstallationProblem,
    TransportProblem,
    VaultProblem,
)
from custom_components.nightlatch.core.installation.recovery import (
    Remedy,
    Tries,
    in_order,
    is_fault_of_firmware,
    is_news,
    what_left_it,
)
from custom_components.nightlatch.core.model import (
    Artifact,
    LockIdentity,
    Origin,
    OutcomeKind,
    Purpose,
    Release,
    Source,
)
from custom_components.nightlatch.core.records.lock_record import LockRecord
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord
from custom_components.nightlatch.core.versions import Version, VersionScheme

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FAILED = OutcomeRecord(
    attempt="1",
    kind=OutcomeKind.NEEDS_HAND,
    origin=Origin.SCHEDULE,
    started=NOW - 5 * MINUTE,
    ended=NOW,
    seconds=300,
    from_version="1.0.0",
    to_version="1.1.0",
    sha256="1" * 64,
    touched=True,
    reason=TransportProblem.LINK_LOST,
)
TRIED = replace(
    FAILED,
    attempt="2",
    purpose=Purpose.RECOVERY,
    started=NOW + MINUTE,
    ended=NOW + 2 * MINUTE,
)
RECORD = LockRecord(
    identity=LockIdentity(
        model="KL-1", hardware_revision="B", firmware_version="1.0.0"
    ),
    read_at=NOW - 4 * MINUTE,
    running_since=NOW - 4 * MINUTE,
)


def after(*outcomes: OutcomeRecord) -> LockRecord:
    """Return the record after installations."""
    record = RECORD
    for outcome in outcomes:
        record = record.ended(outcome)
    return record


# Whose it is.


def test_what_has_left_a_lock_in_its_bootloader() -> None:
    """The installation that somebody wanted, however often it was recovered since."""
    assert what_left_it(RECORD) is None
    assert what_left_it(after(FAILED)) == FAILED
    later = replace(TRIED, attempt="3", ended=NOW + 9 * MINUTE)
    assert what_left_it(after(FAILED, TRIED, later)) == FAILED


def test_a_lock_that_an_earlier_version_left_there_is_ours_too() -> None:
    """Also where it is not the first one at its door; that is not said of its ends."""
    stored = replace(RECORD, lock_number=1).ended(FAILED).to_dict()
    for raw in stored["history"]:
        del raw["lock_number"]
    left = what_left_it(LockRecord.from_dict(stored))
    assert left is not None
    assert left.attempt == FAILED.attempt


def test_a_recovery_that_a_person_began_is_ours_from_then_on() -> None:
    """Though nobody knows who sent the lock to its bootloader."""
    well = replace(FAILED, kind=OutcomeKind.SUCCEEDED, reason=None)
    assert what_left_it(after(TRIED)) == TRIED
    assert what_left_it(after(well, TRIED)) == TRIED


@pytest.mark.parametrize(
    "kind", [OutcomeKind.FAILED, OutcomeKind.CANCELLED, OutcomeKind.NEEDS_HAND]
)
@pytest.mark.parametrize("purpose", Purpose)
def test_what_did_not_get_as_far_as_the_lock_leaves_it_ours(
    kind: OutcomeKind, purpose: Purpose
) -> None:
    """A vendor out of reach, or no connection, does not mean that the lock is well."""
    in_vain = replace(TRIED, kind=kind, purpose=purpose, touched=False)
    assert what_left_it(after(FAILED, in_vain)) == FAILED
    assert what_left_it(after(FAILED, TRIED, in_vain)) == FAILED


@pytest.mark.parametrize(
    "ours",
    [
        {"kind": OutcomeKind.SUCCEEDED},
        # It ran its old firmware, and worked.
        {"kind": OutcomeKind.FAILED},
        {"kind": OutcomeKind.ROLLED_BACK},
        {"kind": OutcomeKind.CANCELLED},
        {"touched": False},
        # It ran the new one.
        {"reason": InstallationProblem.BOLT_JAMMED},
    ],
)
def test_a_lock_that_was_well_was_sent_there_by_somebody_else(
    ours: dict[str, object],
) -> None:
    """Nothing is sent to it by itself."""
    assert what_left_it(after(replace(FAILED, **ours))) is None  # type: ignore[arg-type]


def test_a_lock_that_has_answered_since_was_sent_there_by_somebody_else() -> None:
    """It had come back to its application by itself."""
    record = after(FAILED, TRIED)
    read = record.reading(record.identity, NOW + 3 * MINUTE)
    assert what_left_it(read) is None


# When.


def test_a_door_does_not_stay_shut_because_the_clock_was_ahead() -> None:
    """What was tried in years to come was tried by now; then the pauses begin anew."""
    tries = Tries().ended(NOW.replace(year=2036))
    assert tries.due(NOW) is None
    tries = tries.ended(NOW)
    assert tries.since == NOW
    assert tries.due(NOW) == NOW + 15 * MINUTE


def test_the_pauses_grow() -> None:
    """At once, then 5, 15, 30 and 60 minutes, hourly for a day, then every 6 hours."""
    tries, now = Tries(), NOW
    assert tries.due(now) is None
    pauses: list[float] = []
    for _ in range(40):
        tries = tries.ended(now)
        due = tries.due(now)
        assert due is not None
        pauses.append((due - now) / MINUTE)
        now = due
    assert pauses[:6] == [5, 15, 30, 60, 60, 60]
    hourly = pauses.count(60)
    assert pauses == [5, 15, 30, *[60] * hourly, *[360] * (37 - hourly)]
    # The first of the long ones begins a day after the first try.
    assert (
        timedelta(days=1) <= (5 + 15 + 30 + hourly * 60) * MINUTE < timedelta(days=1.1)
    )


# With what.


def remedy(version: str, mark: str) -> Remedy:
    """Return firmware that is kept."""
    return Remedy(
        release=Release(
            vendor="Kestrel Locks",
            model="KL-1",
            hardware_revisions=("B",),
            version=Version.parse(VersionScheme.DOTTED, version),
            artifact=Artifact(path="a.zip", length=1, sha256=mark * 64),
        ),
        source=Source.VAULT,
    )


TARGET, BEFORE = remedy("1.1.0", "1"), remedy("1.0.0", "2")


def test_the_target_first_and_what_the_lock_refuses_last() -> None:
    """Where it has refused both they take turns."""
    both = (TARGET, BEFORE)
    assert in_order(both, {}) == [TARGET, BEFORE]
    assert in_order(both, {TARGET.release.key: 1}) == [BEFORE, TARGET]
    faults = {TARGET.release.key: 1, BEFORE.release.key: 1}
    assert in_order(both, faults) == [TARGET, BEFORE]
    assert in_order((BEFORE,), {BEFORE.release.key: 9}) == [BEFORE]


@pytest.mark.parametrize(
    ("reason", "fault"),
    [
        (TransportProblem.REJECTED, True),
        (TransportProblem.REJECTED_VERSION, True),
        (TransportProblem.REJECTED_HASH, True),
        # It was sent as a whole, and is not started.
        (TransportProblem.IN_BOOTLOADER, True),
        (FirmwareProblem.SIGNATURE_INVALID, True),
        (VaultProblem.DAMAGED, True),
        (TransportProblem.LINK_LOST, False),
        (TransportProblem.BOOTLOADER_NOT_FOUND, False),
        (TransportProblem.DID_NOT_COME_BACK, False),
        (InstallationProblem.CANCELLED, False),
        (None, False),
    ],
)
def test_whose_fault_it_was(reason: str | None, fault: bool) -> None:
    """The firmware's, or the radio's."""
    # As it is on record: a text.
    assert is_fault_of_firmware(reason and str(reason)) is fault


# What is told of it.


def test_a_try_in_vain_is_told_once_for_each_reason() -> None:
    """Nobody wants to be woken every hour for the same door."""
    assert is_news(None, TRIED)
    assert is_news(FAILED, TRIED)
    assert not is_news(TRIED, replace(TRIED, attempt="3"))
    other = replace(TRIED, attempt="3", reason=TransportProblem.NO_ANSWER)
    assert is_news(TRIED, other)
    assert is_news(TRIED, replace(TRIED, kind=OutcomeKind.ROLLED_BACK))


def test_tries_in_vain_are_kept_as_one() -> None:
    """Or they would push out all that the lock has lived through."""
    again = replace(TRIED, attempt="3", ended=NOW + 9 * MINUTE, message="Again.")
    record = after(FAILED, TRIED, again)
    assert [each.attempt for each in record.history] == ["1", "3"]
    assert record.outcome == replace(again, tries=2, started=TRIED.started)
    # Told twice, as after a cut, it counts once.
    assert record.ended(again).outcome == record.outcome
    assert record.attempted == FAILED
    assert RECORD.attempted is None
    out = replace(again, attempt="4", kind=OutcomeKind.ROLLED_BACK)
    assert record.ended(out).history[-1] == out
    assert len(record.ended(out).history) == 3


@given(st.integers(1, 60))
def test_however_often_it_is_tried_the_record_stays_small(number: int) -> None:
    """And the number of tries is right."""
    record = after(
        FAILED, *(replace(TRIED, attempt=f"t{each}") for each in range(number))
    )
    assert len(record.history) == 2
    assert record.history[-1].tries == number
    assert what_left_it(record) == FAILED
