"""Repairs of the vault and the audit log, in which a person does something."""

from contextlib import suppress
from typing import Any, override

import probatio

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from ..core.errors import VaultError, VaultProblem
from ..issues.vault import FLOW
from ..runtime import Runtime, async_get_runtime
from .repair import HouseholdRepairFlow

_PASSPHRASE = "passphrase"  # noqa: S105


class UnlockFlow(RepairsFlow):
    """Asks for the passphrase of the vault."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_unlock()

    async def async_step_unlock(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask until it is the right one."""
        if (runtime := async_get_runtime(self.hass)) is None:
            return self.async_abort(reason="not_loaded")
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await runtime.vault.async_unlock(user_input[_PASSPHRASE])
            except VaultError as err:
                if err.reason is VaultProblem.WRONG_PASSPHRASE:
                    errors[_PASSPHRASE] = "wrong_passphrase"
                else:
                    errors["base"] = "not_unlocked"
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="unlock",
            data_schema=probatio.Schema(
                {
                    probatio.Required(_PASSPHRASE): TextSelector(
                        TextSelectorConfig(
                            type=TextSelectorType.PASSWORD,
                            autocomplete="current-password",
                        )
                    )
                }
            ),
            errors=errors,
        )


class DamagedFlow(HouseholdRepairFlow):
    """Tells which copies are lost, and removes what is left of them."""

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Remove them."""
        # One that was closed meanwhile tells by itself what is wrong with it.
        with suppress(VaultError):
            await runtime.vault.async_drop_damaged()
        return None


class AuditFlow(HouseholdRepairFlow):
    """Tells where the audit log is broken, and begins another."""

    @override
    async def _async_repair(self, runtime: Runtime) -> RepairsFlowResult | None:
        """Put it aside."""
        await runtime.audit.async_begin_anew()
        runtime.locks.async_changed()
        return None


_FLOWS: dict[str, type[UnlockFlow | DamagedFlow | AuditFlow]] = {
    "vault_locked": UnlockFlow,
    "vault_damaged": DamagedFlow,
    "audit_broken": AuditFlow,
}


def vault_flow(data: dict[str, Any]) -> RepairsFlow:
    """Return the flow for an issue of the vault or the audit log."""
    return _FLOWS[data[FLOW]]()
