"""Taking a person out of what is kept of a lock: a pseudonym stands where they stood."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
import re

from .decisions import Approval
from .lock_record import LockRecord
from .outcome_record import OutcomeRecord


def people_in(record: LockRecord) -> Iterator[Approval]:
    """Return the approvals in the history of a lock: each names somebody."""
    for outcome in record.history:
        if outcome.approval is not None:
            yield outcome.approval


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One person, and what stands in their place from then on."""

    user_id: str
    names: frozenset[str]
    """All that they were called, as it stands in texts."""
    pseudonym: str
    """Of the audit log, in which it is nobody's any more."""

    def is_named(self, outcome: OutcomeRecord) -> bool:
        """Return whether an installation says who it was."""
        approval = outcome.approval
        return (approval is not None and approval.user_id == self.user_id) or (
            outcome.message is not None
            and self.text(outcome.message) != outcome.message
        )

    def count(self, record: LockRecord) -> int:
        """Return how many installations of a lock say so."""
        return sum(map(self.is_named, record.history))

    def record(self, record: LockRecord) -> LockRecord:
        """Return what is kept of a lock without the person; all else stays."""
        return replace(record, history=tuple(map(self._outcome, record.history)))

    def text(self, text: str) -> str:
        """Return a sentence without the person."""
        for name in sorted(filter(None, self.names), key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", self.pseudonym, text)
        return text

    def texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return sentences without the person."""
        return tuple(map(self.text, texts))

    def _outcome(self, outcome: OutcomeRecord) -> OutcomeRecord:
        approval, message = outcome.approval, outcome.message
        if approval is not None and approval.user_id == self.user_id:
            # What they said to it is theirs as well.
            approval = replace(
                approval, user_id=self.pseudonym, user_name=self.pseudonym, words=""
            )
        return replace(
            outcome,
            approval=approval,
            message=None if message is None else self.text(message),
        )
