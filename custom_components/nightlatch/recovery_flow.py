"""Repairs: a lock waits in its bootloader, and a person says that it may be brought out."""

from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlowResult

from .household import async_get_household


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
        if (household := async_get_household(self.hass)) is None:
            return self.async_abort(reason="not_loaded")
        if user_input is not None:
            lock = household.locks.get(self._lock_id)
            if lock is None or not household.recovering.async_help_now(lock):
                return self.async_abort(reason="nothing_to_recover")
        return await super().async_step_confirm(user_input)
