"""Conditions: how it stands with the firmware of a lock, for automations."""

from abc import abstractmethod
from typing import override

from homeassistant.components.update import DOMAIN as UPDATE_DOMAIN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.condition import Condition, EntityConditionBase
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .core.preflight.base import blockers
from .locks.lock import ManagedLock
from .runtime import Runtime, async_get_runtime


class LockCondition(EntityConditionBase):
    """Something that holds for a lock, or does not."""

    _domain_specs = {UPDATE_DOMAIN: DomainSpec()}
    # The firmware of a device is a matter of its configuration, for Home Assistant.
    _primary_entities_only = False

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Leave only the update entities of our locks."""
        return {
            entity_id
            for entity_id in super().entity_filter(entities)
            if _lock_of(self._hass, entity_id) is not None
        }

    @override
    def is_valid_state(self, entity_state: State) -> bool:
        """Return whether it holds."""
        runtime = async_get_runtime(self._hass)
        lock = _lock_of(self._hass, entity_state.entity_id)
        return (
            runtime is not None and lock is not None and self.holds_for(lock, runtime)
        )

    @abstractmethod
    def holds_for(self, lock: ManagedLock, runtime: Runtime) -> bool:
        """Return whether it holds for a lock."""


class InQuietHours(LockCondition):
    """The quiet hours of the lock are now."""

    @override
    def holds_for(self, lock: ManagedLock, runtime: Runtime) -> bool:
        """Return whether they are now."""
        hours = lock.policy.quiet_hours or runtime.settings.policy.quiet_hours
        now = dt_util.utcnow()
        return hours.window_at(now, runtime.settings.zone) is not None


class HasPendingUpdate(LockCondition):
    """There is a release that the lock should get."""

    @override
    def holds_for(self, lock: ManagedLock, runtime: Runtime) -> bool:
        """Return whether there is one."""
        return lock.release is not None


class IsReady(LockCondition):
    """There is a release, and nothing stands against installing it now."""

    @override
    def holds_for(self, lock: ManagedLock, runtime: Runtime) -> bool:
        """Return whether nothing does."""
        return (
            lock.release is not None
            and lock.progress is None
            and not blockers(runtime.planner.checks_of_offer(lock))
        )


CONDITIONS: dict[str, type[Condition]] = {
    "has_pending_update": HasPendingUpdate,
    "in_quiet_hours": InQuietHours,
    "is_ready": IsReady,
}


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return CONDITIONS


def _lock_of(hass: HomeAssistant, entity_id: str) -> ManagedLock | None:
    """Return the lock whose update entity this is."""
    entry = er.async_get(hass).async_get(entity_id)
    if entry is None or entry.platform != DOMAIN:
        return None
    runtime = async_get_runtime(hass)
    if runtime is None or entry.config_subentry_id is None:
        return None
    lock = runtime.locks.get(entry.config_subentry_id)
    return lock if lock is not None and lock.update_entity_id == entity_id else None
