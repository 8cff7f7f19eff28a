"""Repairs: a lock waits in its bootloader, and a person says that it may be brought out."""

from typing import override

from homeassistant.components.repairs import RepairsFlowResult

from ..runtime import Runtime
from .repair import HouseholdRepairFlow


class RecoveryFlow(HouseholdRepairFlow):
    """Begins at once; how it ends is told as every end is."""

    def __init__(self, lock_id: str) -> None:
        """Take the lock."""
        self._lock_id = lock_id

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Begin, unless it has left its bootloader meanwhile, or nothing is kept."""
        lock = runtime.locks.get(self._lock_id)
        if lock is None or not runtime.recovering.async_help_now(lock):
            return self.async_abort(reason="nothing_to_recover")
        return None
