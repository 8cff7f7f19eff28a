"""Whether, and when, a release that failed here is tried again by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..model import OutcomeKind, Purpose
from ..moments import shifted
from ..records.outcome_record import OutcomeRecord

# After these, in days; the last try is the fourth.
_BACK_OFF = (1, 2, 4)
_FAILED = {OutcomeKind.FAILED, OutcomeKind.NEEDS_HAND, OutcomeKind.ROLLED_BACK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When a release may be tried by itself."""

    at: datetime | None = None
    """Not before; None where nothing stands against it now."""
    after_change: bool = False
    """Whether it waits until something has changed, or a person asks for it."""
    gave_up: bool = False
    """Whether it was tried often enough: now it is for the vendor."""


def retry(
    history: Sequence[OutcomeRecord], sha256: str, environment: str, now: datetime
) -> Retry:
    """Return whether a release may be tried again by itself on a lock.

    What failed before the lock was touched was the radio or the feed, and is tried
    again after a while, and not for ever. What failed with the lock's own flash in use
    will fail again, at the cost of its battery, until something has changed: the
    release, what the lock runs, or Nightlatch. A person may always try.
    """
    failed = _failures(history, sha256)
    alike = [attempt for attempt in failed if attempt.environment == environment]
    if len(failed) > len(_BACK_OFF):
        return Retry(gave_up=True)
    if any(attempt.touched for attempt in alike):
        return Retry(after_change=True)
    if not failed:
        return Retry()
    # It has ended, whatever the clock said.
    ended = min(failed[-1].ended, now)
    return Retry(at=shifted(ended, timedelta(days=_BACK_OFF[len(failed) - 1])))


def _failures(history: Sequence[OutcomeRecord], sha256: str) -> list[OutcomeRecord]:
    """Return the failures with a release since it last succeeded, oldest first."""
    failed: list[OutcomeRecord] = []
    for attempt in history:
        if attempt.sha256 != sha256:
            continue
        if attempt.kind in _FAILED:
            # A recovery has tries of its own, and its failure tells nothing of updates.
            if attempt.purpose is not Purpose.RECOVERY:
                failed.append(attempt)
        elif attempt.kind is OutcomeKind.SUCCEEDED:
            failed.clear()
    return failed
