"""A lock that an installation has left in its bootloader: when to try again, and with what.

Its door does not open over the radio, so it is not left until tomorrow. And what is sent
to it was proven and kept before it was touched: nothing is decided anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ..errors import FeedProblem, FirmwareProblem, TransportProblem, VaultProblem
from ..model import OutcomeKind, Release, Source
from ..moments import is_ahead
from ..records.lock_record import LockRecord
from ..records.outcome_record import OutcomeRecord
from .confirmation import BOLT_PROBLEMS

# After the first tries in vain; each costs some of the lock's battery, and whatever kept
# it from succeeding may be over by then.
_PAUSES = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
)
_FIRST_DAY = timedelta(days=1)
_LATER = timedelta(hours=6)

# It could not be had, or the lock does not want or start it: other firmware may fare
# better. All else is the radio's fault, and what was sent already is not thrown away.
_FAULTS_OF_FIRMWARE = {
    *FeedProblem,
    *FirmwareProblem,
    *VaultProblem,
    *(reason for reason in TransportProblem if reason.name.startswith("REJECTED")),
    TransportProblem.IN_BOOTLOADER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Firmware with which a lock may get out of its bootloader."""

    release: Release
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What was tried on a stranded lock so far. Times are aware, UTC."""

    number: int = 0
    since: datetime | None = None
    """When the first one ended."""
    last: datetime | None = None
    """When the last one ended."""

    def ended(self, now: datetime) -> Tries:
        """Return this after one more try, in vain."""
        known = self.since is not None and not is_ahead(self.since, now)
        return Tries(
            number=self.number + 1, since=self.since if known else now, last=now
        )

    def due(self, now: datetime) -> datetime | None:
        """Return when the next one is due; None for at once."""
        if self.last is None or self.since is None or is_ahead(self.last, now):
            return None
        if self.number <= len(_PAUSES):
            return self.last + _PAUSES[self.number - 1]
        if self.last - self.since < _FIRST_DAY:
            return self.last + _PAUSES[-1]
        return self.last + _LATER


def what_left_it(record: LockRecord) -> OutcomeRecord | None:
    """Return the installation that has left a lock in its bootloader.

    For a lock that is found there. None where it was none of ours: the last one ended
    well, or the lock has told since that it ran. One that did not get as far as the lock
    tells nothing of where that is.
    """
    left: OutcomeRecord | None = None
    for outcome in record.own_history:
        if outcome.ended < record.read_at:
            break
        if outcome.is_fruitless:
            left = outcome
        elif outcome.touched or outcome.kind is OutcomeKind.SUCCEEDED:
            if (
                outcome.kind is OutcomeKind.NEEDS_HAND
                and outcome.reason not in BOLT_PROBLEMS
            ):
                left = outcome
            break
    return left


def is_fault_of_firmware(reason: str | None) -> bool:
    """Return whether other firmware could fare better, by what a try failed with."""
    return reason in _FAULTS_OF_FIRMWARE


def in_order(remedies: Iterable[Remedy], faults: Mapping[str, int]) -> list[Remedy]:
    """Return remedies, the most promising first.

    ``remedies`` come in the order that holds where nothing was tried; ``faults`` tells
    how often each has failed for a reason of its own, by the key of its release.
    """
    return sorted(remedies, key=lambda each: faults.get(each.release.key, 0))


def is_news(before: OutcomeRecord | None, outcome: OutcomeRecord) -> bool:
    """Return whether people have not been told yet how an installation ended.

    ``before`` is what was on record until then. A recovery that fails as the one before
    tells nothing new.
    """
    return (
        before is None
        or not before.is_fruitless
        or not outcome.is_fruitless
        or before.reason != outcome.reason
    )
