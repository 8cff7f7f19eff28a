"""The picture of the week: when the doors are used, while that is learned."""

from typing import Final, override

from homeassistant.components.image import ImageEntity
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .core.schedule.week_picture import draw_week
from .entity import HouseholdEntity
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

    @callback
    def changed(changes: Changes) -> None:
        if changes.settings:
            look()

    look()
    entry.async_on_unload(runtime.locks.async_subscribe(changed))


class WeekImage(HouseholdEntity, ImageEntity):
    """The week, with the quiet hours on it."""

    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_content_type = _CONTENT_TYPE
    _attr_translation_key = "door_use"
    _key = WEEK

    def __init__(self, hass: HomeAssistant, runtime: Runtime) -> None:
        """Take the household, and what is there to be shown."""
        HouseholdEntity.__init__(self, runtime)
        ImageEntity.__init__(self, hass)
        self._week: WeekOfUse | None = None
        self._look()

    @property
    @override
    def available(self) -> bool:
        """Return whether there is anything to be shown."""
        return self._week is not None

    @callback
    @override
    def _changed(self, changes: Changes) -> None:
        if changes.household and self._look():
            self.async_write_ha_state()

    def _look(self) -> bool:
        """Return whether there is another picture."""
        week = self.runtime.door_use.week
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
