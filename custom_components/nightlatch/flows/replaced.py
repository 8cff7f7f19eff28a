"""Repairs: what a lock was known by is another now, and a person says that it is meant."""

from typing import override

from homeassistant.components.repairs import RepairsFlowResult

from ..core.guard.stranger import told_as
from ..runtime import Runtime
from .repair import HouseholdRepairFlow
from .who import user_of_form


class ReplacedFlow(HouseholdRepairFlow):
    """Takes over the lock that is there now, at the same door.

    Home Assistant lets administrators only fix an issue.
    """

    def __init__(self, lock_id: str, now: str) -> None:
        """Take the lock, and as what the person has been told that it is."""
        self._lock_id = lock_id
        self._now = now

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Take it over, if it is still what the person has read."""
        lock = runtime.locks.get(self._lock_id)
        stranger = lock.kind.stranger if lock is not None else None
        if lock is None or stranger is None or told_as(stranger) != self._now:
            return self.async_abort(reason="other_than_told")
        was = told_as(lock.record.identity)
        await lock.async_take_over(stranger)
        await runtime.audit.async_append(
            "device_taken_over",
            lock=lock.subentry_id,
            user=user_of_form(),
            was=was,
            now=self._now,
        )
        return None


class SuccessorFlow(HouseholdRepairFlow):
    """Links the entity that has come in the place of one that is gone."""

    def __init__(self, lock_id: str, successor: str) -> None:
        """Take the lock, and the entity that the person has been told of."""
        self._lock_id = lock_id
        self._successor = successor

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Link it, if it is still the one."""
        lock = runtime.locks.get(self._lock_id)
        found = lock.kind.successor if lock is not None else None
        if lock is None or found is None or found[1] != self._successor:
            return self.async_abort(reason="other_than_told")
        runtime.settings.async_set_lock_data(lock.subentry_id, **dict([found]))
        return None
