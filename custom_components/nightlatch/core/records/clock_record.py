"""Which time of a clock is believed, where what time takes away cannot be had back.

A clock may be years ahead for half an hour, and look as good as any other meanwhile. So
nothing is let go by what a clock shows until it has gone on for some days as time does. A
feed that was proven fresh does not suffice: it is fresh until it expires, and a clock may
be as far ahead.

A house that is never on for so long, or whose computer sleeps each night, has no such
days. There a time is believed once the clock has run on from it for as long, all runs
together, and has never gone back behind it: later, but in the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ..moments import bounded, is_set, shifted
from .stored import as_number, as_time, optional

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
    begun: datetime | None = None
    """A time that it has shown, and has not gone back behind since."""
    ran: float = 0.0
    """Seconds for which it has run since then, in all runs together."""

    def looked(self, now: datetime, *, steady: bool, ran: float = 0.0) -> ClockRecord:
        """Return how it has gone on until now.

        ``steady`` is whether as much time has passed since somebody began to look as it
        shows, by what nobody can set; ``ran`` is for how many seconds it has run since the
        last look, by the same.
        """
        now = bounded(now)
        if not is_set(now):
            return self
        since = self.since if steady and self.goes_on(now) else now
        begun, ran, believed = self.begun, self.ran + ran, self.believed
        if begun is None or now < shifted(begun, -LEEWAY):
            begun, ran = now, 0.0
        if ran >= STANDS_FOR.total_seconds():
            believed = begun if believed is None else max(believed, begun)
            begun, ran = now, 0.0
        if shifted(since, STANDS_FOR) <= now:
            believed = now
        return ClockRecord(
            since=since, seen=now, believed=believed, begun=begun, ran=ran
        )

    def goes_on(self, now: datetime) -> bool:
        """Return whether a clock that shows a time may have gone on by itself."""
        earliest, latest = shifted(self.seen, -LEEWAY), shifted(self.seen, LONGEST_GAP)
        return earliest <= bounded(now) <= latest

    def to_dict(self) -> dict[str, Any]:
        """Return it as storage keeps it."""
        return {
            "since": self.since.isoformat(),
            "seen": self.seen.isoformat(),
            "believed": self.believed.isoformat() if self.believed else None,
            "begun": self.begun.isoformat() if self.begun else None,
            "ran": self.ran,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> ClockRecord:
        """Read it; raises what ``stored`` raises."""
        return cls(
            since=as_time(raw["since"]),
            seen=as_time(raw["seen"]),
            believed=optional(as_time, raw["believed"]),
            begun=optional(as_time, raw["begun"]),
            ran=as_number(raw["ran"]),
        )
