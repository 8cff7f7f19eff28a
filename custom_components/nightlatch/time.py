"""Times that dashboards may change: the quiet hours, and the evening's notice."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import time
from typing import override

from homeassistant.components.time import TimeEntity, TimeEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_NOTICE_AT, CONF_QUIET_HOURS
from .core.schedule.quiet_hours import QuietHours
from .entity import HouseholdEntity, LockEntity, async_add_lock_entities
from .locks.lock import ManagedLock
from .rights import Deed
from .runtime import NightlatchConfigEntry, Runtime

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class QuietTimeDescription(TimeEntityDescription):
    """One end of quiet hours."""

    value_fn: Callable[[QuietHours], time]
    set_fn: Callable[[QuietHours, time], QuietHours]


QUIET_TIMES = (
    QuietTimeDescription(
        key="quiet_hours_start",
        translation_key="quiet_hours_start",
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda hours: hours.start,
        set_fn=lambda hours, value: replace(hours, start=value),
    ),
    QuietTimeDescription(
        key="quiet_hours_end",
        translation_key="quiet_hours_end",
        entity_category=EntityCategory.CONFIG,
        value_fn=lambda hours: hours.end,
        set_fn=lambda hours, value: replace(hours, end=value),
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the times of the household and of every lock."""
    runtime = entry.runtime_data
    async_add_entities(
        [
            NoticeTime(runtime),
            *(QuietTime(runtime, description) for description in QUIET_TIMES),
        ]
    )
    await async_add_lock_entities(
        entry,
        async_add_entities,
        lambda runtime, lock: [
            LockQuietTime(runtime, lock, description)
            for description in QUIET_TIMES
            if not lock.kind.by_hand
        ],
    )


class NoticeTime(HouseholdEntity, TimeEntity):
    """When people are told in the evening what the night will bring."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_translation_key = "notice_at"
    _key = "notice_at"

    @property
    @override
    def native_value(self) -> time:
        """Return the time."""
        return self.runtime.settings.policy.notice_at

    @override
    async def async_set_value(self, value: time) -> None:
        """Change the time."""
        await self.async_check_right(Deed.CHANGE_SETTINGS)
        self.runtime.settings.async_set_option(CONF_NOTICE_AT, value.isoformat())


class QuietTime(HouseholdEntity, TimeEntity):
    """One end of the household's quiet hours."""

    entity_description: QuietTimeDescription

    def __init__(self, runtime: Runtime, description: QuietTimeDescription) -> None:
        """Take the household and the end."""
        super().__init__(runtime, description.key)
        self.entity_description = description

    @property
    @override
    def native_value(self) -> time:
        """Return the time."""
        return self.entity_description.value_fn(
            self.runtime.settings.policy.quiet_hours
        )

    @override
    async def async_set_value(self, value: time) -> None:
        """Change the time."""
        await self.async_check_right(Deed.CHANGE_SETTINGS)
        hours = self.entity_description.set_fn(
            self.runtime.settings.policy.quiet_hours, value
        )
        self.runtime.settings.async_set_option(CONF_QUIET_HOURS, hours.to_dict())


class LockQuietTime(LockEntity, TimeEntity):
    """One end of a lock's own quiet hours."""

    _attr_entity_registry_enabled_default = False
    entity_description: QuietTimeDescription

    def __init__(
        self, runtime: Runtime, lock: ManagedLock, description: QuietTimeDescription
    ) -> None:
        """Take the lock and the end."""
        super().__init__(runtime, lock, description.key)
        self.entity_description = description

    @property
    @override
    def available(self) -> bool:
        """Return whether the lock has quiet hours of its own."""
        return self._lock.policy.quiet_hours is not None

    @property
    @override
    def native_value(self) -> time | None:
        """Return the time."""
        hours = self._lock.policy.quiet_hours
        return self.entity_description.value_fn(hours) if hours else None

    @override
    async def async_set_value(self, value: time) -> None:
        """Change the time."""
        await self.async_check_right(Deed.CHANGE_SETTINGS, self._lock)
        hours = self._lock.policy.quiet_hours
        if hours is None:
            # It follows the household's again, since a moment.
            raise self._lock.error("quiet_hours_not_own")
        self.runtime.settings.async_set_lock_data(
            self._lock.subentry_id,
            **{
                CONF_QUIET_HOURS: self.entity_description.set_fn(hours, value).to_dict()
            },
        )
