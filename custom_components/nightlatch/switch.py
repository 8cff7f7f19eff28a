"""Switches that dashboards may turn: what runs by itself, and on which nights."""

from dataclasses import replace
from typing import Any, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import CONF_CONSENT, CONF_MODE, CONF_PAUSED, CONF_QUIET_HOURS
from .core.records.decisions import Consent
from .core.schedule.policy import Mode
from .entity import HouseholdEntity, LockEntity, async_add_lock_entities
from .locks.lock import ManagedLock
from .rights import Deed, async_person
from .runtime import NightlatchConfigEntry, Runtime
from .settings import consent_as_dict

PARALLEL_UPDATES = 0

# By weekday; Monday is 0.
WEEKDAYS = (
    SwitchEntityDescription(key="quiet_monday", translation_key="quiet_monday"),
    SwitchEntityDescription(key="quiet_tuesday", translation_key="quiet_tuesday"),
    SwitchEntityDescription(key="quiet_wednesday", translation_key="quiet_wednesday"),
    SwitchEntityDescription(key="quiet_thursday", translation_key="quiet_thursday"),
    SwitchEntityDescription(key="quiet_friday", translation_key="quiet_friday"),
    SwitchEntityDescription(key="quiet_saturday", translation_key="quiet_saturday"),
    SwitchEntityDescription(key="quiet_sunday", translation_key="quiet_sunday"),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the switches of the household and of every lock."""
    runtime = entry.runtime_data
    async_add_entities(
        [
            AutomaticSwitch(runtime),
            *(WeekdaySwitch(runtime, day) for day in range(len(WEEKDAYS))),
        ]
    )
    await async_add_lock_entities(
        entry,
        async_add_entities,
        _switches_of,
    )


def _switches_of(runtime: Runtime, lock: ManagedLock) -> list[SwitchEntity]:
    """Return the switches of a lock; what only a person installs has none."""
    if lock.kind.by_hand:
        return []
    return [LockAutomaticSwitch(runtime, lock), OwnQuietHoursSwitch(runtime, lock)]


class AutomaticSwitch(HouseholdEntity, SwitchEntity):
    """On while anything may start by itself."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_translation_key = "automatic"
    _key = "automatic"

    @property
    @override
    def is_on(self) -> bool:
        """Return whether anything may start by itself."""
        return not self.runtime.settings.policy.paused

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Let it start."""
        await self.async_check_right(Deed.CHANGE_SETTINGS)
        self.runtime.settings.async_set_option(CONF_PAUSED, False)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Pause."""
        await self.async_check_right(Deed.CHANGE_SETTINGS)
        self.runtime.settings.async_set_option(CONF_PAUSED, True)


class WeekdaySwitch(HouseholdEntity, SwitchEntity):
    """On while quiet hours begin on a day of the week."""

    _attr_entity_category = EntityCategory.CONFIG
    # Seven of them are many; the form has all of them in one field.
    _attr_entity_registry_enabled_default = False

    def __init__(self, runtime: Runtime, day: int) -> None:
        """Take the household and the day; Monday is 0."""
        super().__init__(runtime, WEEKDAYS[day].key)
        self._day = day
        self.entity_description = WEEKDAYS[day]

    @property
    @override
    def is_on(self) -> bool:
        """Return whether quiet hours begin on this day."""
        return self._day in self.runtime.settings.policy.quiet_hours.weekdays

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Let them begin on this day."""
        await self.async_check_right(Deed.CHANGE_SETTINGS)
        weekdays = self.runtime.settings.policy.quiet_hours.weekdays
        self._set(weekdays | {self._day})

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Leave this day out."""
        await self.async_check_right(Deed.CHANGE_SETTINGS)
        weekdays = self.runtime.settings.policy.quiet_hours.weekdays
        self._set(weekdays - {self._day})

    def _set(self, weekdays: frozenset[int]) -> None:
        hours = replace(self.runtime.settings.policy.quiet_hours, weekdays=weekdays)
        self.runtime.settings.async_set_option(CONF_QUIET_HOURS, hours.to_dict())


class LockAutomaticSwitch(LockEntity, SwitchEntity):
    """On while a lock is updated by itself; whoever turns it on consents to that."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_translation_key = "install_automatically"
    _key = "install_automatically"

    @property
    @override
    def is_on(self) -> bool:
        """Return whether it is updated by itself."""
        policy = self._lock.policy
        return policy.mode is Mode.AUTOMATIC and policy.consent is not None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Keep who has consented, and when."""
        user = await async_person(self.hass, Deed.CONSENT, self.asked_by, self._lock)
        consent = Consent(user_id=user.id, user_name=user.name, at=dt_util.utcnow())
        self.runtime.settings.async_set_lock_data(
            self._lock.subentry_id,
            **{CONF_MODE: Mode.AUTOMATIC, CONF_CONSENT: consent_as_dict(consent)},
        )

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Ask from now on."""
        await self.async_check_right(Deed.CHANGE_SETTINGS, self._lock)
        self.runtime.settings.async_set_lock_data(
            self._lock.subentry_id, **{CONF_MODE: Mode.ASK, CONF_CONSENT: None}
        )


class OwnQuietHoursSwitch(LockEntity, SwitchEntity):
    """On while a lock has quiet hours of its own."""

    _attr_entity_category = EntityCategory.CONFIG
    _attr_entity_registry_enabled_default = False
    _attr_translation_key = "own_quiet_hours"
    _key = "own_quiet_hours"

    @property
    @override
    def is_on(self) -> bool:
        """Return whether it has."""
        return self._lock.policy.quiet_hours is not None

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Begin with those of the household."""
        await self.async_check_right(Deed.CHANGE_SETTINGS, self._lock)
        hours = (
            self._lock.policy.quiet_hours or self.runtime.settings.policy.quiet_hours
        )
        self.runtime.settings.async_set_lock_data(
            self._lock.subentry_id, **{CONF_QUIET_HOURS: hours.to_dict()}
        )

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Go back to those of the household."""
        await self.async_check_right(Deed.CHANGE_SETTINGS, self._lock)
        self.runtime.settings.async_set_lock_data(
            self._lock.subentry_id, **{CONF_QUIET_HOURS: None}
        )
