"""What repairs have in common that do something once a person has read of it."""

from abc import abstractmethod
from typing import override

from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlowResult

from ..runtime import Runtime, async_get_runtime


class HouseholdRepairFlow(ConfirmRepairFlow):
    """Tells what is wrong, and does something about it once that was read."""

    @override
    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Do it once a person has read of it."""
        if (runtime := async_get_runtime(self.hass)) is None:
            return self.async_abort(reason="not_loaded")
        refused = await self._async_repair(runtime) if user_input is not None else None
        return refused or await super().async_step_confirm(user_input)

    @abstractmethod
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Do it; return how the flow ends where there is nothing to do."""
