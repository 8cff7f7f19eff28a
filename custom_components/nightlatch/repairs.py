"""Repairs that a person does, or says are done."""

from typing import Any, override

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant

from .flows.approval import ApprovalFlow
from .flows.condition import ConditionFlow
from .flows.learned_hours import LearnedHoursFlow
from .flows.recovery import RecoveryFlow
from .flows.repair import HouseholdRepairFlow
from .flows.replaced import ReplacedFlow, SuccessorFlow
from .flows.settings import SettingsFlow
from .flows.trusted_time import TrustedTimeFlow
from .flows.vault_repairs import vault_flow
from .issues.conditions import FLOW as CONDITION
from .issues.door_use import FLOW as LEARNED, LOCK as OF_LOCK, hours_told
from .issues.vault import FLOW
from .runtime import Runtime


class AftercareFlow(HouseholdRepairFlow):
    """Asks whether what the maker wants after an update has been done."""

    def __init__(self, lock_id: str, aftercare: str) -> None:
        """Take the lock and what there was to do."""
        self._lock_id = lock_id
        self._aftercare = aftercare

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Keep that it is done."""
        # What is not kept would be asked for again after the next start.
        if (lock := runtime.locks.get(self._lock_id)) is not None:
            await lock.async_aftercare_done(self._aftercare)
        return None


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, Any] | None
) -> RepairsFlow:
    """Return the flow for an issue.

    A stranded lock to help, settings to decide about, an approval, a clock that was
    wrong, a condition that is gone, a lock that was replaced, or after-care that is done.
    """
    if data is None:
        # Of an issue that was there before a restart: it is told again if it is so.
        return ConfirmRepairFlow()
    if "stranded" in data:
        return RecoveryFlow(data["stranded"])
    if "settings_of" in data:
        return SettingsFlow(data["settings_of"])
    if "approval_of" in data:
        return ApprovalFlow(str(data["approval_of"]), str(data["version"]))
    if "replaced" in data:
        return ReplacedFlow(str(data["replaced"]), str(data["now"]))
    if "succeeded" in data:
        return SuccessorFlow(str(data["succeeded"]), str(data["successor"]))
    if "trusted_time" in data:
        return TrustedTimeFlow()
    if CONDITION in data:
        return ConditionFlow(str(data[CONDITION]), str(data["was"]))
    if LEARNED in data:
        return LearnedHoursFlow(hours_told(data), data.get(OF_LOCK))
    if FLOW in data:
        return vault_flow(data)
    return AftercareFlow(data["lock_id"], data["aftercare"])
