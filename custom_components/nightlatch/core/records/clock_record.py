"""Which time of a clock is believed, where what time takes away cannot be had back.

A clock may be years ahead for half an hour, and look as good as any other meanwhile. So
nothing is let go by what a clock shows until it has gone on for some days as time does. A
feed that was proven fresh does not suffice: it is fresh until it expires, and a clock may
be as far ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ..moments import bounded, is_set, shifted
from .stored import as_time, optional

STANDS_FOR: Final = timedelta(days=3)
"""For how long a clock has to go on before it is believed."""
LONGEST_GAP: Final = timedelta(days=2)
"""For how long nobody may have looked at it: while Home Assistant was off."""
LEEWAY: Final = timedelta(hours=1)
"""By how much it may be put right without anybody having to think of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRecord:
    """How the clock has gone on; all aware, UTC."""

    since: datetime
    """From when on it has, without having been put anywhere else."""
    seen: datetime
    """What it has shown last."""
    believed: datetime | None = None
    """The last time of it that is believed."""

    def looked(self, now: datetime, *, steady: bool) -> ClockRecord:
        """Return how it has gone on until now.

        ``steady`` is whether as much time has passed since somebody began to look as it
        shows, by what nobody can set.
        """
        now = bounded(now)
        if not is_set(now):
            return self
        went_on = steady and shifted(self.seen, -LEEWAY) <= now <= shifted(
            self.seen, LONGEST_GAP
        )
        since = self.since if went_on else now
        stands = shifted(since, STANDS_FOR) <= now
        return ClockRecord(
            since=since, seen=now, believed=now if stands else self.believed
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as storage keeps it."""
        return {
            "since": self.since.isoformat(),
            "seen": self.seen.isoformat(),
            "believed": self.believed.isoformat() if self.believed else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ClockRecord:
        """Read it; raises what ``stored`` raises."""
        return cls(
            since=as_time(raw["since"]),
            seen=as_time(raw["seen"]),
            believed=optional(as_time, raw["believed"]),
        )
