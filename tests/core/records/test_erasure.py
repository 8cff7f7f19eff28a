"""A person is taken out of the history of a lock, and only that person."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from custom_components.nightlatch.core.model import LockIdentity, Origin, OutcomeKind
from custom_components.nightlatch.core.records.decisions import Approval, Override
from custom_components.nightlatch.core.records.erasure import Erasure
from custom_components.nightlatch.core.records.lock_record import (
    HISTORY_LIMIT,
    LockRecord,
)
from custom_components.nightlatch.core.records.outcome_record import OutcomeRecord

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ANN = Erasure(user_id="id-of-ann", names=frozenset({"Ann", ""}), pseudonym="person-1")


def outcome(number: int, user: str | None, message: str | None = None) -> OutcomeRecord:
    """Return an installation that somebody had approved."""
    return OutcomeRecord(
        attempt=str(number),
        kind=OutcomeKind.SUCCEEDED,
        origin=Origin.PERSON,
        started=NOW,
        ended=NOW,
        seconds=1.0,
        from_version="1.0",
        to_version="1.1",
        sha256="00",
        message=message,
        approval=None
        if user is None
        else Approval(
            version="1.1",
            sha256="00",
            user_id=f"id-of-{user.lower()}",
            user_name=user,
            at=NOW,
            second_factor=True,
            overrides=frozenset({Override.BATTERY}),
            words=f"I am {user}",
        ),
    )


def record(*history: OutcomeRecord) -> LockRecord:
    """Return what is kept of a lock."""
    return LockRecord(
        identity=LockIdentity(model="M", hardware_revision="1", firmware_version="1.1"),
        read_at=NOW,
        running_since=NOW,
        history=history,
    )


def test_all_that_is_kept_of_a_lock_is_reached() -> None:
    """Each of the last fifty; what was done with their consent stays."""
    before = record(*(outcome(number, "Ann") for number in range(HISTORY_LIMIT)))
    assert ANN.count(before) == HISTORY_LIMIT
    after = ANN.record(before)
    assert ANN.count(after) == 0
    assert "Ann" not in str(after.to_dict())
    assert "id-of-ann" not in str(after.to_dict())
    approval = after.history[-1].approval
    assert approval is not None
    assert (approval.user_id, approval.user_name) == ("person-1", "person-1")
    assert approval.second_factor
    assert approval.overrides == {Override.BATTERY}
    assert LockRecord.from_dict(after.to_dict()) == after


def test_nobody_else_is_touched() -> None:
    """Neither those without consent nor those of others."""
    before = record(outcome(1, "Bob", "Bob: Annex door"), outcome(2, None))
    assert ANN.count(before) == 0
    assert ANN.record(before) == before


@pytest.mark.parametrize(
    ("message", "after"),
    [
        ("Ann judged this better", "person-1 judged this better"),
        ("what Ann, Bob", "what person-1, Bob"),
        ("Annex", "Annex"),
        ("Joann", "Joann"),
    ],
)
def test_a_name_in_a_sentence_is_found_as_a_word(message: str, after: str) -> None:
    """A sentence that was told may name who had judged something."""
    kept = record(outcome(1, None, message))
    assert ANN.count(kept) == (message != after)
    assert ANN.record(kept).history == (replace(kept.history[0], message=after),)
