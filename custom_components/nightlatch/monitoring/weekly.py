"""Once a week: which locks need something, and whether that has become worse."""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Protocol

from homeassistant.core import HomeAssistant

from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..core.advisories.published import Match
from ..core.advisories.security import SecurityState
from ..core.records.weekly_record import LockNeeds, Need, WeeklyRecord
from ..faults import Faults
from ..locks.lock import ManagedLock
from ..locks.registry import LockRegistry
from ..markup import together
from ..planning.planner import Planner
from ..translation import label_now
from ..turns import few_a_turn
from .health import needs_attention
from .next_step import NextStep, Tone, next_step, tone

_DECISIONS = {
    NextStep.BY_HAND,
    NextStep.WAITS_FOR_APPROVAL,
    NextStep.WAITS_FOR_YOU,
}
_SUPPORT: Mapping[SecurityState | None, Need] = {
    SecurityState.SUPPORT_ENDED: Need.SUPPORT_ENDED,
    SecurityState.SUPPORT_ENDING: Need.SUPPORT_ENDING,
}


class TellLater(Protocol):
    """What puts a sentence into the morning's notice."""

    def __call__(self, key: str, **placeholders: str) -> Awaitable[None]:
        """Put it there."""


def needs_of(lock: ManagedLock, step: NextStep) -> LockNeeds:
    """Return what a lock needs somebody for, by what comes next for it."""
    holes = frozenset(
        found.advisory.id
        for found in lock.assessment.open
        if found.match is Match.EXACT
    )
    needs = {_SUPPORT[lock.support]} if lock.support in _SUPPORT else set()
    if tone(step) is Tone.STOPPED or needs_attention(lock):
        needs.add(Need.ATTENTION)
    if holes:
        needs.add(Need.HOLE)
    if step in _DECISIONS:
        needs.add(Need.DECISION)
    return LockNeeds(frozenset(needs), holes)


def _is_known(lock: ManagedLock) -> bool:
    """Return whether its feed was heard, or is known not to be."""
    feed = lock.feed
    return feed is None or feed.data is not None or feed.trouble is not None


class WeeklyAssessment:
    """Assesses all locks, and tells in the morning only what has become worse."""

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        store: HouseholdStore,
        locks: LockRegistry,
        planner: Planner,
        faults: Faults,
        tell_later: TellLater,
    ) -> None:
        """Take what it looks at, and who tells people."""
        self._hass = hass
        self._store = store
        self._locks = locks
        self._planner = planner
        self._faults = faults
        self._tell_later = tell_later
        self._left: set[str] = set()
        """The locks that could not be assessed when it was time."""

    async def async_look(self, now: datetime) -> None:
        """Assess them where a week is over."""
        before = self._store.weekly
        is_due = before is None or before.is_due(now)
        looked_at = {
            lock_id: lock
            for lock_id, lock in self._locks.items()
            if is_due or lock_id in self._left
        }
        if not looked_at:
            return
        if not all(map(_is_known, self._locks.values())):
            # What its feed says of holes is still to come, or news for nobody later.
            return
        known = before.locks if before is not None else {}
        # Of one that cannot be assessed what was known of it stays.
        found = {each: known[each] for each in self._locks if each in known}
        async for lock_id, lock in few_a_turn(looked_at.items()):
            if self._locks.is_closing:
                return
            if self._locks.get(lock_id) is not lock:
                # It was removed meanwhile.
                found.pop(lock_id, None)
                continue
            # It is tried again with the next look, not a week later.
            self._left.add(lock_id)
            with self._faults.apart("weekly", lock):
                found[lock_id] = needs_of(
                    lock, next_step(lock, self._planner.plan(lock))
                )
                self._left.discard(lock_id)
        if not is_due and self._left.issuperset(looked_at):
            return
        # Told twice after a cut is better than not at all.
        for lock_id, needs in found.items():
            worse = needs.worse_than(known.get(lock_id, needs))
            if worse and (gone := self._locks.get(lock_id)) is not None:
                await self._tell_later(
                    "notice_weekly",
                    lock=gone.name,
                    needs=together(
                        label_now(self._hass, "need", each) for each in worse
                    ),
                )
        with unsaved_for_now("How the locks stand this week"):
            at = now if before is None or is_due else before.at
            await self._store.async_set_weekly(WeeklyRecord(at, found))
