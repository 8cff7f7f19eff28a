"""Sensors of locks and feeds."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, override

from homeassistant.components import bluetooth
from homeassistant.components.sensor import (
    DOMAIN as SENSOR_DOMAIN,
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType

from .const import DOMAIN
from .coordinator import FeedCoordinator
from .core.advisories.security import SecurityState
from .core.errors import FeedProblem
from .core.guard.hold import Hold
from .core.installation.states import State
from .core.model import OutcomeKind
from .core.schedule.plan import Plan
from .entity import (
    FeedEntity,
    LockEntity,
    LocksEntity,
    async_add_feed_entities,
    async_add_lock_entities,
)
from .locks.lock import ManagedLock
from .locks.per_lock import PerLock
from .locks.registry import Changes
from .monitoring.next_step import (
    NextStep,
    next_step,
    standing,
    starts_at,
    told_standing,
)
from .runtime import NightlatchConfigEntry, Runtime
from .texts.security import shown_security

PARALLEL_UPDATES = 0

_FEED_OK = "ok"
_NOTHING_NEW = Changes(locks=frozenset(), household=False, settings=False)


@dataclass(frozen=True, kw_only=True)
class LockSensorDescription(SensorEntityDescription):
    """A sensor that shows something known of a lock."""

    value_fn: Callable[[ManagedLock], StateType | datetime]
    shown_elsewhere: bool = False
    """Whether the integration that knows the lock shows it too, where there is one."""
    attributes_fn: Callable[[ManagedLock], dict[str, str | float | None] | None] = (
        lambda _: None
    )


def _last_check(lock: ManagedLock) -> datetime | None:
    return lock.content.checked_at if lock.content else None


def _outcome(lock: ManagedLock) -> OutcomeKind | None:
    return lock.record.outcome.kind if lock.record.outcome else None


def _outcome_details(lock: ManagedLock) -> dict[str, str | float | None] | None:
    if (outcome := lock.record.outcome) is None:
        return None
    return {
        "ended": outcome.ended.isoformat(),
        "seconds": outcome.seconds,
        "from_version": outcome.from_version,
        "to_version": outcome.to_version,
        "message": outcome.message,
    }


BATTERY = LockSensorDescription(
    key="battery",
    device_class=SensorDeviceClass.BATTERY,
    entity_category=EntityCategory.DIAGNOSTIC,
    native_unit_of_measurement=PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    value_fn=lambda lock: lock.record.identity.battery,
)
SENSORS = (
    LockSensorDescription(
        key="running_since",
        translation_key="running_since",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda lock: lock.record.running_since,
    ),
    LockSensorDescription(
        key="last_check",
        translation_key="last_check",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=_last_check,
        shown_elsewhere=True,
    ),
    LockSensorDescription(
        key="last_outcome",
        translation_key="last_outcome",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=list(OutcomeKind),
        value_fn=_outcome,
        attributes_fn=_outcome_details,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: NightlatchConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of every lock and feed."""
    await async_add_lock_entities(
        entry,
        async_add_entities,
        _sensors_of,
    )
    runtime = entry.runtime_data

    def follow(lock: ManagedLock) -> None:
        if not lock.kind.shown_elsewhere:
            battery = Battery(runtime, lock, async_add_entities)
            battery.async_look()
            entry.async_on_unload(lock.async_subscribe(battery.async_look))

    await runtime.locks.async_each_added(follow)
    async_add_feed_entities(entry, async_add_entities, lambda feed: [FeedStatus(feed)])
    async_add_entities([LocksSensor(runtime)])


def _sensors_of(runtime: Runtime, lock: ManagedLock) -> list[SensorEntity]:
    """Return what there is to show: other integrations show the rest themselves."""
    kind = lock.kind
    sensors: list[SensorEntity] = [
        LockSensor(runtime, lock, description)
        for description in SENSORS
        if not (description.shown_elsewhere and kind.shown_elsewhere)
    ]
    sensors += [
        NextStepSensor(runtime, lock),
        NextInstallationSensor(runtime, lock),
        SecuritySensor(runtime, lock),
    ]
    if not kind.shown_elsewhere:
        sensors.append(SignalSensor(runtime, lock))
    if kind.hold is not None:
        sensors.append(HoldSensor(runtime, lock))
    return sensors


class Battery:
    """The sensor for the battery of a lock, for as long as it has one."""

    def __init__(
        self,
        runtime: Runtime,
        lock: ManagedLock,
        add: AddConfigEntryEntitiesCallback,
    ) -> None:
        """Begin without one."""
        self._runtime = runtime
        self._lock = lock
        self._add = add
        self._is_there = False

    @callback
    def async_look(self) -> None:
        """Add it, or take it away with what is registered of it."""
        lock = self._lock
        if lock.has_battery:
            if not self._is_there:
                self._is_there = True
                self._add(
                    [LockSensor(self._runtime, lock, BATTERY)],
                    config_subentry_id=lock.subentry_id,
                )
            return
        self._is_there = False
        registry = er.async_get(lock.hass)
        entity_id = registry.async_get_entity_id(
            SENSOR_DOMAIN, DOMAIN, f"{lock.subentry_id}_{BATTERY.key}"
        )
        if entity_id is not None:
            registry.async_remove(entity_id)


class LockSensor(LockEntity, SensorEntity):
    """Something known of a lock."""

    entity_description: LockSensorDescription

    def __init__(
        self, runtime: Runtime, lock: ManagedLock, description: LockSensorDescription
    ) -> None:
        """Take the lock and what to show of it."""
        super().__init__(runtime, lock, description.key)
        self.entity_description = description

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the value."""
        return self.entity_description.value_fn(self._lock)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, str | float | None] | None:
        """Return what belongs to the value."""
        return self.entity_description.attributes_fn(self._lock)


class TimedSensor(LockEntity, SensorEntity):
    """Something of a lock that changes with the time as well."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the time too."""
        await super().async_added_to_hass()
        self.async_on_remove(self._lock.async_subscribe_minute(self._minute_passed))

    @callback
    def _minute_passed(self) -> None:
        with self.runtime.faults.apart(self._key, self._lock):
            self.async_write_ha_state()


class PlannedSensor(TimedSensor):
    """Something of the plan of a lock."""

    @property
    def _plan(self) -> Plan:
        return self.runtime.planner.plan(self._lock)


class NextStepSensor(PlannedSensor):
    """What comes next for the lock."""

    _attr_device_class = SensorDeviceClass.ENUM
    _attr_options = list(NextStep)
    _attr_translation_key = "next_step"
    _key = "next_step"
    _shown_phase: State | None = None
    _plan_shown: Plan
    """As of the state that is written."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow what is being done too."""
        await super().async_added_to_hass()
        self.async_on_remove(self._lock.async_subscribe_progress(self._progressed))

    @callback
    def _progressed(self) -> None:
        # Not each percent is something new.
        if self._phase != self._shown_phase:
            self.async_write_ha_state()

    @callback
    @override
    def _async_write_ha_state(self) -> None:
        """Ask once what is planned: it is shown in the state and beside it."""
        self._plan_shown = self._plan
        super()._async_write_ha_state()

    @property
    def _phase(self) -> State | None:
        """Return what is being done; one without a state yet waits for its turn."""
        if (progress := self._lock.progress) is None:
            return None
        return progress.state or State.PLANNED

    @property
    @override
    def native_value(self) -> str:
        """Return what comes next."""
        return next_step(self._lock, self._plan_shown)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return about which release, when, and what it waits for or stands against it."""
        plan = self._plan_shown
        starts = starts_at(plan)
        self._shown_phase = self._phase
        return {
            "phase": self._shown_phase,
            "version": plan.release.version.text if plan.release else None,
            "starts_at": starts.isoformat() if starts else None,
            "waiting_for": plan.waiting,
            "reasons": [check.reason for check in self._lock.held],
        }


class NextInstallationSensor(PlannedSensor):
    """When the lock's release is installed by itself."""

    _attr_device_class = SensorDeviceClass.TIMESTAMP
    _attr_translation_key = "next_installation"
    _key = "next_installation"

    @property
    @override
    def native_value(self) -> datetime | None:
        """Return when; nothing where nothing starts by itself."""
        return starts_at(self._plan)


class SecuritySensor(TimedSensor):
    """How the lock stands, by all that is published of its firmware."""

    _attr_device_class = SensorDeviceClass.ENUM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_options = list(SecurityState)
    _attr_translation_key = "security"
    _key = "security"

    @property
    @override
    def native_value(self) -> str:
        """Return how it stands, in one word."""
        return self._lock.security

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return what that rests on."""
        return shown_security(self._lock)


class LocksSensor(LocksEntity, SensorEntity):
    """How all locks stand, in one line, and each in one."""

    _attr_translation_key = "locks"
    _key = "locks"
    _unrecorded_attributes = frozenset({"locks"})

    def __init__(self, runtime: Runtime) -> None:
        """Take the household."""
        super().__init__(runtime)
        self._shown = PerLock(runtime.locks, runtime.faults, "overview", self._shown_of)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the time too."""
        await super().async_added_to_hass()
        self.async_on_remove(self.runtime.locks.async_on_minute(self._minute_passed))

    @callback
    def _minute_passed(self, lock_ids: frozenset[str]) -> None:
        if lock_ids:
            self._shown.async_minute_passed(lock_ids)
            self._changed(_NOTHING_NEW)

    @callback
    @override
    def _look(self, news: Changes | None) -> None:
        """Take over how many are current, wait, or need somebody, and each with its step."""
        shown = self._shown.look(news)
        steps = {lock_id: step for lock_id, (step, _) in shown.items()}
        self._attr_native_value = told_standing(self.hass, standing(steps))
        self._attr_extra_state_attributes = {
            "locks": [of_lock for _, of_lock in shown.values()]
        }

    def _shown_of(self, lock: ManagedLock) -> tuple[NextStep, dict[str, str | None]]:
        step = next_step(lock, self.runtime.planner.plan(lock))
        return step, {
            "name": lock.name,
            "next_step": step,
            "installed_version": lock.record.identity.firmware_version,
            "device_id": lock.device_id,
        }


class SignalSensor(LockEntity, SensorEntity):
    """How well the lock is heard; changes all the time, so off by default."""

    _attr_device_class = SensorDeviceClass.SIGNAL_STRENGTH
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_entity_registry_enabled_default = False
    _attr_native_unit_of_measurement = SIGNAL_STRENGTH_DECIBELS_MILLIWATT
    _attr_should_poll = True
    _attr_state_class = SensorStateClass.MEASUREMENT
    _key = "signal_strength"

    @property
    @override
    def available(self) -> bool:
        """Return whether the lock is in reach: how it was heard last is no news."""
        return self._lock.kind.radio().heard

    @property
    @override
    def native_value(self) -> int | None:
        """Return the signal strength of the last advertisement."""
        info = bluetooth.async_last_service_info(self.hass, self._lock.kind.key)
        return info.rssi if info else None


class HoldSensor(LockEntity, SensorEntity):
    """Whether what the other integration offers is held back."""

    _attr_device_class = SensorDeviceClass.ENUM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_options = list(Hold)
    _attr_translation_key = "hold"
    _key = "hold"

    @property
    @override
    def native_value(self) -> str | None:
        """Return how it is with what is offered."""
        return self._lock.kind.hold


class FeedStatus(FeedEntity, SensorEntity):
    """How the feed is, in one word out of a list."""

    _attr_device_class = SensorDeviceClass.ENUM
    _attr_entity_category = EntityCategory.DIAGNOSTIC
    _attr_options = [_FEED_OK, *FeedProblem]
    _attr_translation_key = "feed_status"

    def __init__(self, feed: FeedCoordinator) -> None:
        """Take the feed."""
        super().__init__(feed, "feed_status")

    @property
    @override
    def native_value(self) -> str | None:
        """Return what is wrong with the feed, or that nothing is."""
        if (trouble := self.coordinator.trouble) is not None:
            return trouble
        if self.coordinator.data is None or not self.coordinator.last_update_success:
            return None
        return _FEED_OK
