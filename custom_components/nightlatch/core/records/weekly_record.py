"""What the locks of the household needed when it was last assessed, which is weekly."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from ..moments import is_over
from .stored import as_text, as_time

EVERY: Final = timedelta(days=7)


class Need(StrEnum):
    """What a lock may need somebody for."""

    ATTENTION = "need_attention"
    """Something is wrong with it, or with its update."""
    HOLE = "need_hole"
    """It certainly has a published hole."""
    SUPPORT_ENDED = "need_support_ended"
    SUPPORT_ENDING = "need_support_ending"
    DECISION = "need_decision"
    """An update waits for a person; people were told when it came."""


_NO_WORSE: Final = frozenset({Need.DECISION})


@dataclass(frozen=True, slots=True)
class LockNeeds:
    """What one lock needs."""

    needs: frozenset[Need] = frozenset()
    holes: frozenset[str] = frozenset()
    """The ids of the advisories that certainly are about what it runs."""

    def worse_than(self, before: LockNeeds) -> tuple[Need, ...]:
        """Return what has become worse, in the order of the needs."""
        new = self.needs - before.needs - _NO_WORSE
        if self.holes - before.holes:
            new |= self.needs & {Need.HOLE}
        return tuple(need for need in Need if need in new)


@dataclass(frozen=True, slots=True)
class WeeklyRecord:
    """How all of them stood."""

    at: datetime
    locks: Mapping[str, LockNeeds]
    """By their ids."""

    @property
    def in_need(self) -> int:
        """Return how many locks need something."""
        return sum(bool(lock.needs) for lock in self.locks.values())

    def is_due(self, now: datetime) -> bool:
        """Return whether it is time for the next one."""
        return is_over(self.at, EVERY, now)

    def to_dict(self) -> dict[str, Any]:
        """Return it as storage keeps it."""
        return {
            "at": self.at.isoformat(),
            "locks": {
                lock_id: {"needs": sorted(lock.needs), "holes": sorted(lock.holes)}
                for lock_id, lock in self.locks.items()
            },
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> WeeklyRecord:
        """Read it; raises what ``stored`` and an enumeration raise."""
        return cls(
            at=as_time(raw["at"]),
            locks={
                as_text(lock_id): LockNeeds(
                    needs=frozenset(map(Need, lock["needs"])),
                    holes=frozenset(map(as_text, lock["holes"])),
                )
                for lock_id, lock in raw["locks"].items()
            },
        )
