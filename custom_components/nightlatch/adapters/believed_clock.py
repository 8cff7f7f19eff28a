"""The clock of the house, and which time of it is believed for what cannot be had back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from ..core.moments import bounded, is_set
from ..core.records.clock_record import LEEWAY, ClockRecord
from .storage import HouseholdStore, unsaved_for_now

# A disk need not hear of it more often; a restart takes off no more than this.
_WRITTEN_EVERY: Final = timedelta(hours=6)


class BelievedClock:
    """Compares the clock with what goes on by itself, also over restarts."""

    def __init__(self, store: HouseholdStore, seconds: Callable[[], float]) -> None:
        """Begin now; ``seconds`` is a clock that nobody sets."""
        self._store = store
        self._seconds = seconds
        self._began: tuple[datetime, float] | None = None
        self._latest: ClockRecord | None = None

    def believed(self, now: datetime) -> datetime | None:
        """Return the last time that is believed; now, if all is well, None for none."""
        return self._looked(now).believed

    def is_believed(self, now: datetime) -> bool:
        """Return whether what time takes away may be let go by what the clock shows."""
        return is_set(now) and self.believed(now) == bounded(now)

    async def async_look(self, now: datetime) -> None:
        """Look at it; what it has shown is kept now and then, and what is new at once."""
        self._latest = record = self._looked(now)
        if not self._is_steady(now):
            self._began = None
        if self._began is None and is_set(now):
            self._began = bounded(now), self._seconds()
        kept = self._store.clock
        if (
            kept is None
            or kept.since != record.since
            or record.seen - kept.seen >= _WRITTEN_EVERY
        ):
            with unsaved_for_now("What the clock has shown"):
                await self._store.async_set_clock(record)

    def _looked(self, now: datetime) -> ClockRecord:
        record = self._latest or self._store.clock
        if record is None:
            return ClockRecord(since=bounded(now), seen=bounded(now))
        return record.looked(now, steady=self._is_steady(now))

    def _is_steady(self, now: datetime) -> bool:
        if self._began is None:
            return True
        moment, seconds = self._began
        passed = timedelta(seconds=self._seconds() - seconds)
        return abs(bounded(now) - moment - passed) <= LEEWAY
