"""In how many nights in a row the same rule has held one release back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from .stored import as_day, as_text, as_whole

MANY_NIGHTS = 3
"""From so many on people are told: it will not settle by itself."""
# With quiet hours on one day of the week, the next night is that of the next week.
_LONGEST_GAP = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRule:
    """One rule, or one other reason, that has held a release."""

    nights: int
    """In so many nights in a row, of those in which it was tried."""
    last: date
    details: Mapping[str, str] = field(default_factory=dict)
    """What its sentence names, as it was when it first held in the last night."""

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "nights": self.nights,
            "last": self.last.isoformat(),
            "details": dict(self.details),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> HeldRule:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            nights=as_whole(raw["nights"]),
            last=as_day(raw["last"]),
            details={
                as_text(name): as_text(value) for name, value in raw["details"].items()
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRecord:
    """The nights in which one release could not be installed by itself."""

    sha256: str
    """The key of the release."""
    from_version: str
    """What the lock ran."""
    night: date
    """The last night in which it was tried."""
    rules: Mapping[str, HeldRule]
    """By their reasons."""

    def is_of(self, sha256: str | None, runs: str) -> bool:
        """Return whether this is about a release, on a lock that runs a version."""
        return (self.sha256, self.from_version) == (sha256, runs)

    def too_often(self, tonight: date) -> Mapping[str, HeldRule]:
        """Return what has held it for many nights in a row, the last one included."""
        if not timedelta() <= tonight - self.night <= _LONGEST_GAP:
            return {}
        return {
            reason: rule
            for reason, rule in self.rules.items()
            if rule.last == self.night and rule.nights >= MANY_NIGHTS
        }

    def to_dict(self) -> dict[str, Any]:
        """Return this as what JSON can hold."""
        return {
            "sha256": self.sha256,
            "from_version": self.from_version,
            "night": self.night.isoformat(),
            "rules": {reason: rule.to_dict() for reason, rule in self.rules.items()},
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> HeldRecord:
        """Read what ``to_dict`` gave; raises what ``stored`` and a mapping raise."""
        return cls(
            sha256=as_text(raw["sha256"]),
            from_version=as_text(raw["from_version"]),
            night=as_day(raw["night"]),
            rules={
                as_text(reason): HeldRule.from_dict(rule)
                for reason, rule in raw["rules"].items()
            },
        )


def held_once_more(
    known: HeldRecord | None,
    *,
    sha256: str,
    runs: str,
    night: date,
    reasons: Mapping[str, Mapping[str, str]],
) -> HeldRecord:
    """Return the record after a release was held, for reasons and their details.

    It is tried each minute, and each night counts once. A night in which a rule did not
    hold it begins anew with that rule; so do another release, another version that runs,
    and a clock that was put back.
    """
    if (
        known is None
        or not known.is_of(sha256, runs)
        or not timedelta() <= night - known.night <= _LONGEST_GAP
    ):
        known = HeldRecord(sha256=sha256, from_version=runs, night=night, rules={})
    rules = dict(known.rules)
    if night != known.night:
        rules = {
            reason: rule for reason, rule in rules.items() if rule.last == known.night
        }
    for reason, details in reasons.items():
        before = rules.get(reason)
        if before is None or before.last != night:
            nights = before.nights + 1 if before else 1
            rules[reason] = HeldRule(nights=nights, last=night, details=dict(details))
    return replace(known, night=night, rules=rules)
