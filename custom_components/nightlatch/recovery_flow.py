"""Repairs: a lock waits in its bootloader, and a person says that it may be brought out."""

from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlowResult

from .const import DOMAIN
from .household import Household


class RecoveryFlow(ConfirmRepairFlow):
    """Begins at once; how it ends is told as every end is."""

    def __init__(self, lock_id: str) -> None:
        """Take the lock."""
        self._lock_id = lock_id

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Begin, unless it has left its bootloader meanwhile, or nothing is kept."""
        if user_input is not None and not self._begins():
            return self.async_abort(reason="nothing_to_recover")
        return await super().async_step_confirm(user_input)

    def _begins(self) -> bool:
        for entry in self.hass.config_entries.async_loaded_entries(DOMAIN):
            household: Household = entry.runtime_data
            if (lock := household.locks.get(self._lock_id)) is not None:
                return household.recovering.async_help_now(lock)
        return False
