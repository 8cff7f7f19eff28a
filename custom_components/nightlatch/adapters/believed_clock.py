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
        self._looked_at: float | None = None
        self._at_start: ClockRecord | None = None
        """What was kept before, until the clock was put right once."""

    def believed(self, now: datetime) -> datetime | None:
        """Return the last time that is believed; now, if all is well, None for none.

        It lies ahead where a clock was wrong for days.
        """
        return self._looked(now).believed

    def is_believed(self, now: datetime) -> bool:
        """Return whether what time takes away may be let go by what the clock shows."""
        return is_set(now) and self.believed(now) == bounded(now)

    async def async_look(self, now: datetime) -> None:
        """Look at it; what it has shown is kept now and then, and what is new at once."""
        if self._latest is None:
            self._at_start = self._store.clock
        self._latest = record = self._looked(now)
        self._looked_at = self._seconds()
        if not self._is_steady(now):
            self._began = self._at_start = None
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
        ran = 0.0 if self._looked_at is None else self._seconds() - self._looked_at
        steady = self._is_steady(now)
        if self._is_put_right(record, now, steady=steady):
            assert self._at_start is not None, "else it is not put right"
            record, steady = self._at_start, True
        return record.looked(now, steady=steady, ran=ran)

    def _is_put_right(
        self, record: ClockRecord, now: datetime, *, steady: bool
    ) -> bool:
        """Return whether it shows now what it could have shown from the beginning on.

        A computer without a battery for its clock begins with some time of the past, and
        asks the network only then.
        """
        return (
            not steady
            and self._at_start is not None
            and record.seen < bounded(now)
            and self._at_start.goes_on(now)
        )

    def _is_steady(self, now: datetime) -> bool:
        if self._began is None:
            return True
        moment, seconds = self._began
        passed = timedelta(seconds=self._seconds() - seconds)
        return abs(bounded(now) - moment - passed) <= LEEWAY
