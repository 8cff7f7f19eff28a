"""Repairs that a person does, or says are done."""

from typing import Any, override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant

from .household import async_get_household
from .recovery_flow import RecoveryFlow
from .settings_flow import SettingsFlow
from .vault_issues import FLOW
from .vault_repairs import vault_flow


class AftercareFlow(ConfirmRepairFlow):
    """Asks whether what the maker wants after an update has been done."""

    def __init__(self, lock_id: str, aftercare: str) -> None:
        """Take the lock and what there was to do."""
        self._lock_id = lock_id
        self._aftercare = aftercare

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Keep that it is done."""
        # What is not kept would be asked for again after the next start.
        if (household := async_get_household(self.hass)) is None:
            return self.async_abort(reason="not_loaded")
        lock = household.locks.get(self._lock_id)
        if user_input is not None and lock is not None:
            await lock.async_aftercare_done(self._aftercare)
        return await super().async_step_confirm(user_input)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the flow for an issue.

    A stranded lock to help, settings to decide about, or after-care that is done.
    """
    if data is None:
        # Of an issue that was there before a restart: it is told again if it is so.
        return ConfirmRepairFlow()
    if "stranded" in data:
        return RecoveryFlow(data["stranded"])
    if "settings_of" in data:
        return SettingsFlow(data["settings_of"])
    if FLOW in data:
        return vault_flow(data)
    return AftercareFlow(data["lock_id"], data["aftercare"])
