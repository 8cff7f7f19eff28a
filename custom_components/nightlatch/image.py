"""The pictures of the week: when the doors are used, while that is learned."""

from typing import Final, override

from homeassistant.components.image import ImageEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .core.schedule.week_picture import draw_week
from .entity import HouseholdEntity, LockEntity
from .locks.lock import ManagedLock
from .locks.registry import Changes
from .monitoring.door_use import WEEK, WeekOfUse
from .runtime import NightlatchConfigEntry, Runtime
from .texts.quiet_hours import told_week, words_of_week

PARALLEL_UPDATES = 0

_CONTENT_TYPE: Final = "image/svg+xml"


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show the picture while the owner lets it be learned, and only then."""
    runtime, registry = entry.runtime_data, er.async_get(hass)
    is_shown = False

    @callback
    def look() -> None:
        nonlocal is_shown
        wanted = runtime.settings.learns
        if wanted and not is_shown:
            async_add_entities([WeekImage(hass, runtime)])
        elif not wanted and (entity_id := runtime.door_use.picture):
            registry.async_remove(entity_id)
        is_shown = wanted

    shown: set[str] = set()

    @callback
    def look_at_locks() -> None:
        """Show one for each lock that has hours of its own, or should have."""
        for lock_id, lock in runtime.locks.items():
            wanted = runtime.door_use.week_of(lock) is not None
            if wanted and lock_id not in shown:
                shown.add(lock_id)
                async_add_entities(
                    [LockWeekImage(hass, runtime, lock)], config_subentry_id=lock_id
                )
            elif not wanted and runtime.door_use.is_known:
                shown.discard(lock_id)
                if entity_id := runtime.door_use.picture_of(lock_id):
                    registry.async_remove(entity_id)
        shown.intersection_update(runtime.locks)

    @callback
    def changed(changes: Changes) -> None:
        if changes.settings:
            look()
        if changes.household:
            look_at_locks()

    look()
    look_at_locks()
    entry.async_on_unload(runtime.locks.async_subscribe(changed))


class _Picture(ImageEntity):
    """A week, with quiet hours on it."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_content_type = _CONTENT_TYPE
    _week: WeekOfUse | None = None

    @property
    @override
    def available(self) -> bool:
        """Return whether there is anything to be shown."""
        return self._week is not None

    def _look(self, week: WeekOfUse | None) -> bool:
        """Return whether there is another picture."""
        if week == self._week:
            return False
        self._week = week
        self._attr_image_last_updated = dt_util.utcnow()
        return True

    @override
    async def async_image(self) -> bytes | None:
        """Draw it, in the language of the household."""
        if (week := self._week) is None:
            return None
        told = told_week(self.hass, week.observed_days, week.hours, week.suggested)
        words = words_of_week(self.hass, told)
        picture = draw_week(week.rates, words, week.hours, week.suggested)
        return picture.encode()


class WeekImage(HouseholdEntity, _Picture):
    """The week of the household."""

    _attr_translation_key = "door_use"
    _key = WEEK

    def __init__(self, hass: HomeAssistant, runtime: Runtime) -> None:
        """Take the household, and what is there to be shown."""
        HouseholdEntity.__init__(self, runtime)
        ImageEntity.__init__(self, hass)
        self._look(runtime.door_use.week)

    @callback
    @override
    def _changed(self, changes: Changes) -> None:
        if changes.household and self._look(self.runtime.door_use.week):
            self.async_write_ha_state()


class LockWeekImage(LockEntity, _Picture):
    """The week of one lock."""

    _attr_translation_key = "own_door_use"
    _key = WEEK

    def __init__(
        self, hass: HomeAssistant, runtime: Runtime, lock: ManagedLock
    ) -> None:
        """Take the lock, and what is there to be shown."""
        LockEntity.__init__(self, runtime, lock)
        ImageEntity.__init__(self, hass)
        self._look(runtime.door_use.week_of(lock))

    @override
    async def async_added_to_hass(self) -> None:
        """Follow what is weighed of all locks as well."""
        await super().async_added_to_hass()
        self.async_on_remove(self.runtime.locks.async_subscribe(self._changed))

    @callback
    def _changed(self, changes: Changes) -> None:
        if changes.household:
            self._lock_changed()

    @callback
    @override
    def _lock_changed(self) -> None:
        if self._look(self.runtime.door_use.week_of(self._lock)):
            self.async_write_ha_state()
