"""What a household tells a vendor of installations, where its owner wants that.

Which release, how it ended and why, counted. Nothing of the household, of its locks, of
people or of times.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
import json
from typing import Any, Final, Self

from ..errors import TransportProblem
from ..model import Origin, OutcomeKind, Purpose
from .outcome_record import OutcomeRecord
from .stored import as_day, as_text, as_time, as_whole, optional

MAX_ENDS: Final = 64
"""In one report."""
TRIES: Final = 3
"""Nights in which it is tried; what was not taken by then is told to nobody."""

_SCHEMA = 1
# The lock has told what it runs, or it is known that it cannot.
_PROVEN = {
    OutcomeKind.SUCCEEDED,
    OutcomeKind.FAILED,
    OutcomeKind.ROLLED_BACK,
    OutcomeKind.NEEDS_HAND,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What a vendor was told already. Times are aware, UTC."""

    address: str
    until: datetime
    """Nothing that ended up to then is told any more."""
    night: date | None = None
    """The last one in which it was tried."""
    tries: int = 0
    """How often in a row it was in vain."""

    def tried(self, night: date, until: datetime, *, taken: bool) -> Self:
        """Return this after a try in a night."""
        if taken or self.tries + 1 >= TRIES:
            return replace(self, until=until, night=night, tries=0)
        return replace(self, night=night, tries=self.tries + 1)

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "address": self.address,
            "until": self.until.isoformat(),
            "night": self.night.isoformat() if self.night else None,
            "tries": self.tries,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            address=as_text(raw["address"]),
            until=as_time(raw["until"]),
            night=optional(as_day, raw["night"]),
            tries=as_whole(raw["tries"]),
        )


def to_tell(
    history: Iterable[OutcomeRecord],
    releases: Collection[str],
    *,
    after: datetime,
    now: datetime,
) -> list[OutcomeRecord]:
    """Return the ends that a vendor may be told of; ``releases`` are the keys of its own.

    A file that somebody has brought is nobody's business. What ended later than now
    ended by a clock that was ahead: told of, it would hide all that comes before it.
    """
    return [
        outcome
        for outcome in history
        if after < outcome.ended <= now
        and outcome.kind in _PROVEN
        and outcome.purpose is Purpose.UPDATE
        and outcome.origin is not Origin.EXTERNAL
        and outcome.sha256 in releases
    ]


def report_of(ends: Iterable[OutcomeRecord]) -> str:
    """Return what is sent, as it is sent."""
    return _written(
        Counter(
            (end.sha256 or "", end.to_version, str(end.kind), end.reason)
            for end in ends
        )
    )


def example_report() -> str:
    """Return what is sent where one of two installations went back."""
    release = "a" * 64, "1.1.0"
    reverted = str(OutcomeKind.ROLLED_BACK), str(TransportProblem.REVERTED)
    good = str(OutcomeKind.SUCCEEDED), None
    return _written(Counter({(*release, *good): 1, (*release, *reverted): 1}))


def _written(counted: Counter[tuple[str, str, str, str | None]]) -> str:
    lines = [
        {
            "sha256": sha256,
            "version": version,
            "outcome": outcome,
            "reason": reason,
            "count": count,
        }
        for (sha256, version, outcome, reason), count in counted.most_common(MAX_ENDS)
    ]
    return json.dumps({"schema": _SCHEMA, "kind": "ends", "ends": lines}, indent=2)
