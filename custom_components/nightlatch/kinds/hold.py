"""Guarding what another integration offers for a lock: holding, and looking."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import Any, Protocol

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from ..adapters.delegate import UpdateEntityDelegate, reading_of
from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..const import CONF_UPDATE_ENTITY
from ..core.errors import DelegateError
from ..core.guard.conduct import (
    Conduct,
    Observation,
    Starts,
    after_start,
    is_at_work,
    misconduct,
    observe,
)
from ..core.guard.hold import (
    Hold,
    HoldRecord,
    after_change,
    hold_of,
    must_let_go,
    must_lift,
    skipped_by_person,
    to_skip,
    wanted_after_all,
)
from ..core.guard.source import SourceReading
from ..core.model import OutcomeKind
from ..core.moments import is_over
from ..events import Happening
from ..lock_view import LockView
from ..translation import async_sentence

_LOGGER = logging.getLogger(__name__)

_LASTING = {Conduct.PHANTOM, Conduct.STUCK}
_FORGETS_FOR = timedelta(days=1)
"""For which people are told of a source that has forgotten what it knew."""


class GuardedLock(LockView, Protocol):
    """A lock that has a guard, and is told what that has noticed."""

    def async_changed(self) -> None:
        """Tell everybody who listens that something is new."""

    def async_tell(self, happening: Happening, **details: str) -> None:
        """Tell everybody who listens that something has happened."""


class Guard:
    """Keeps what is offered for one lock from being installed past Nightlatch."""

    def __init__(
        self,
        lock: GuardedLock,
        source: Callable[[], UpdateEntityDelegate],
        entry: ConfigEntry,
        store: HouseholdStore,
        *,
        offers_on: Callable[[], bool],
    ) -> None:
        """Take the lock, and what updates it now: the owner may point elsewhere.

        ``offers_on`` tells whether the lock is offered what its source offers.
        """
        self._lock = lock
        self._source = source
        self._offers_on = offers_on
        self._entry = entry
        self._store = store
        self.record: HoldRecord = store.hold(lock.subentry_id)
        self._refused: str | None = None
        """The version that could not be skipped."""
        self._at_work = False
        self._letting_go = False
        """Whether a skip that is taken away is not taken away by a person."""
        self._unsaved = False
        """Whether it is not held because that could not be written down."""
        self._observation: Observation | None = None
        self.sees_update = False
        """Whether the source is at work, and nobody of us has told it to."""
        self._by_person = False
        self._at_start = True
        self._left_over = False
        """Whether what is in progress was there when ours ended."""
        self._starts: Starts | None = None
        self._lasting: Conduct | None = None
        self._forgot_at: datetime | None = None
        self._take_over: Callable[[], None] | None = None
        """Who is told that the source has said something; None while nobody follows."""
        self._followed: str | None = None
        self._unfollow: CALLBACK_TYPE | None = None

    @property
    def _delegate(self) -> UpdateEntityDelegate:
        return self._source()

    @property
    def hold(self) -> Hold:
        """Return how it is with what the source offers."""
        return hold_of(
            self.record, self._delegate.reading(), offered_on=self._offers_on()
        )

    @property
    def conduct(self) -> Conduct | None:
        """Return what a person should look at; None where the source behaves."""
        if self._lasting is not None:
            return self._lasting
        starts = self._starts
        if starts is not None and starts.lasts(dt_util.utcnow()):
            return Conduct.REPEATS
        return None

    @property
    def forgets(self) -> bool:
        """Whether the source forgets what it knows, though it is there."""
        return self._forgot_at is not None and not is_over(
            self._forgot_at, _FORGETS_FOR, dt_util.utcnow()
        )

    @property
    def skipped_by_person(self) -> str | None:
        """Return the version that a person has skipped at the source."""
        return skipped_by_person(self.record, self._delegate.reading())

    @callback
    def watch(self, take_over: Callable[[], None]) -> CALLBACK_TYPE:
        """Follow the source from now on; return what ends that.

        ``take_over`` is called whenever it has said something.
        """
        self._take_over = take_over
        self.follow()
        return self._stop

    @callback
    def follow(self) -> None:
        """Follow what is the source now, where anybody follows it: it may be another."""
        entity_id = self._delegate.entity_id
        if self._take_over is None or entity_id == self._followed:
            return
        if self._unfollow is not None:
            self._unfollow()
        self._followed = entity_id
        self._unfollow = async_track_state_change_event(
            self._lock.hass, entity_id, self._heard
        )
        # What it has said until now, nobody was there to hear.
        self._note_change(reading_of(None, None))
        self.look(dt_util.utcnow())
        self._take_over()

    @callback
    def _stop(self) -> None:
        self._take_over = self._followed = None
        if self._unfollow is not None:
            self._unfollow()
            self._unfollow = None

    @callback
    def _heard(self, event: Event[EventStateChangedData]) -> None:
        self._changed(event)
        if self._take_over is not None:
            self._take_over()

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        before = reading_of(event.data["old_state"], None)
        after = self._delegate.reading()
        if not before.in_progress and after.in_progress:
            self._by_person = event.context.user_id is not None
        if after.has_forgotten(before):
            self._forgot_at = dt_util.utcnow()
        self._note_change(before)
        self.look(dt_util.utcnow())

    @callback
    def _note_change(self, before: SourceReading) -> None:
        """Keep whose skips there are now, and which are gone."""
        record = after_change(self.record, before, self._delegate.reading())
        if record != self.record and not self._letting_go:
            self._begin(self._async_note(record), f"hold on {self._lock.name}")

    # Holding.

    @callback
    def _hold_or_let_go(self) -> None:
        """Hold what is offered on and skip what people have skipped, and nothing else.

        One after the other: what two do at once would be remembered as what neither did.
        """
        if self._at_work or self._lock.progress is not None:
            return
        record = self._to_hold()
        if record is None and not self._is_to_let_go:
            return
        skip = None if record is None else self._delegate.reading().offered
        self._at_work = True
        self._begin(self._async_work(record, skip), f"hold on {self._lock.name}")

    def _to_hold(self) -> HoldRecord | None:
        """Return what is known once what is offered is held; None where it is not to be."""
        reading = self._delegate.reading()
        if reading.offered == self._refused or self._unsaved:
            return None
        return to_skip(self.record, reading, offered_on=self._offers_on())

    @property
    def _is_to_let_go(self) -> bool:
        return must_let_go(
            self.record, self._delegate.reading(), offered_on=self._offers_on()
        )

    @property
    def may_rest(self) -> bool:
        """Return whether nothing is to be done, and nothing was seen that may last."""
        return not (
            self._at_work
            or self._unsaved
            or self._at_start
            or self._left_over
            or self.sees_update
            or self._observation is not None
            or self._starts is not None
            or self._lasting is not None
            or self._forgot_at is not None
            or self._to_hold() is not None
            or self._is_to_let_go
        )

    async def _async_work(self, record: HoldRecord | None, skip: str | None) -> None:
        """Hold what is recorded, or let go where nothing is; look again if need be."""
        try:
            look_again = await (
                self._async_let_go()
                if record is None
                else self._async_hold(record, skip)
            )
        finally:
            self._at_work = False
        if look_again:
            self._hold_or_let_go()
        self._lock.async_changed()

    async def _async_hold(self, record: HoldRecord, skip: str | None) -> bool:
        """Skip a version; return whether something else is to be done meanwhile."""
        before = self.record.held
        # Written down first: a skip that nobody remembers would look like a person's.
        try:
            await self._async_keep(record)
        except OSError as err:
            _LOGGER.warning(
                "%s: what is offered is not held back, for that could not be written"
                " down: %s",
                self._lock.name,
                err,
            )
            await self._async_note(replace(self.record, held=before))
            self._unsaved = True
            return False
        if self._delegate.reading().offered != skip:
            # Something else is offered meanwhile; a skip would be of that.
            await self._async_note(replace(self.record, held=before))
            return True
        try:
            await self._delegate.async_skip()
            if self._delegate.reading().skipped not in {None, skip}:
                # It changed on the way there: nobody has decided about what it is now.
                await self._delegate.async_clear_skipped()
        except DelegateError as err:
            _LOGGER.warning(
                "%s: what is offered could not be held back: %s", self._lock.name, err
            )
            self._refused = skip
            await self._async_note(replace(self.record, held=before))
        return self._delegate.reading().offered != skip or not self._offers_on()

    async def _async_let_go(self) -> bool:
        """Let people see at the source what they are not offered here.

        Return whether that was done.
        """
        self._letting_go = True
        try:
            # Noted afterwards: a skip that nobody remembers would look like a person's.
            await self._delegate.async_clear_skipped()
        except DelegateError as err:
            _LOGGER.warning("%s: the hold was not lifted: %s", self._lock.name, err)
            return False
        finally:
            self._letting_go = False
        await self._async_note(replace(self.record, held=None))
        return True

    async def async_want_after_all(self) -> None:
        """Lift what a person has skipped at the source: they want it after all."""
        record = wanted_after_all(self.record, self._delegate.reading())
        if record != self.record:
            await self._async_note(record)
            self._hold_or_let_go()
            self._lock.async_changed()

    async def async_forget_cleared(self) -> None:
        """Hold what is offered also where a person let it go: it was another lock."""
        await self._async_note(replace(self.record, cleared=None))
        self._hold_or_let_go()

    async def _async_note(self, record: HoldRecord) -> None:
        """Keep what has happened; it holds also while it is unsaved."""
        with unsaved_for_now(f"The hold on {self._lock.name}"):
            await self._async_keep(record)

    async def _async_keep(self, record: HoldRecord) -> None:
        self.record = record
        await self._store.async_set_hold(self._lock.subentry_id, record)

    async def async_lift(self) -> None:
        """Take our own hold away: the lock is no longer guarded."""
        await async_lift(self._delegate, self.record)
        self.record = HoldRecord()

    # Looking.

    @callback
    def look(self, now: datetime) -> None:
        """See whether the source does what it was not told to, and tell."""
        self._look(now)
        before, self.sees_update = self.sees_update, is_at_work(self._observation, now)
        if before is not self.sees_update:
            self._lock.async_changed()

    def _look(self, now: datetime) -> None:
        if self._unsaved and self._lock.unsaved is None:
            self._unsaved = False
        # What is over is not kept: the lock would be looked at each minute for ever.
        if self._forgot_at is not None and is_over(self._forgot_at, _FORGETS_FOR, now):
            self._forgot_at = None
        if self._starts is not None and self._starts.is_over(now):
            self._starts = None
        self._hold_or_let_go()
        if self._lock.progress is not None:
            self._observation = self._lasting = None
            self._left_over = self._delegate.reading().in_progress
            return
        reading = self._delegate.reading()
        self._observation = observe(
            self._observation,
            reading,
            now,
            at_start=self._at_start or self._left_over,
        )
        self._left_over = self._left_over and (
            reading.in_progress or not reading.available
        )
        # The first that it says after a start; until then it may not be there yet.
        self._at_start = self._at_start and not reading.available
        if self._observation is None:
            self._lasting = None
            return
        found = misconduct(
            self._observation,
            now,
            by_person=self._by_person,
            ours_ended=self._ours_ended,
        )
        if found is None:
            return
        self._observation = self._observation.having_told(found)
        if found in _LASTING:
            self._lasting = found
        elif found is not Conduct.STARTED_BY_PERSON:
            self._starts = after_start(self._starts, reading.offered, now)
            if self._starts.told != now:
                self._lock.async_changed()
                return
        self._begin(self._async_tell(found), f"conduct of {self._lock.name}")

    @callback
    def _begin(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Do something that must not outlive the entry."""
        self._entry.async_create_background_task(self._lock.hass, coroutine, name)

    @property
    def _ours_ended(self) -> datetime | None:
        outcome = self._lock.record.outcome
        if outcome is None or outcome.kind is OutcomeKind.SUCCEEDED:
            return None
        return outcome.ended

    async def _async_tell(self, conduct: Conduct) -> None:
        lock = self._lock
        reading = self._delegate.reading()
        lock.async_tell(
            Happening.UNGUARDED,
            reasons=conduct,
            version=reading.offered or "",
            installed_version=reading.installed or "",
            message=await async_sentence(
                lock.hass, f"conduct_{conduct}", {"lock": lock.name}
            ),
        )
        lock.async_changed()


async def async_lift(delegate: UpdateEntityDelegate, record: HoldRecord) -> None:
    """Take a hold of ours away from a source; those of people stay."""
    if not must_lift(record, delegate.reading()):
        return
    try:
        await delegate.async_clear_skipped()
    except DelegateError as err:
        _LOGGER.warning("%s: the hold was not lifted: %s", delegate.entity_id, err)


async def async_lift_all(
    hass: HomeAssistant, entry: ConfigEntry, store: HouseholdStore
) -> None:
    """Take all holds of ours away: there is no household any more."""
    try:
        await store.async_load(expected=False)
    except ValueError as err:
        _LOGGER.warning("Which holds are ours is not known any more: %s", err)
        return
    for subentry in entry.subentries.values():
        if (source := subentry.data.get(CONF_UPDATE_ENTITY)) is not None:
            await async_lift(
                UpdateEntityDelegate(hass, source), store.hold(subentry.subentry_id)
            )
