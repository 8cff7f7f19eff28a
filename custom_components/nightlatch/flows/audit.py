"""The audit log's part of the options: how long it is kept, and what to note of it."""

from collections.abc import Mapping
from typing import Any

import probatio

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)

from ..const import CONF_AUDIT_MONTHS
from ..markup import neutral_all
from ..runtime import NightlatchConfigEntry
from ..settings import MOST_AUDIT_MONTHS, parse_audit_months
from ..translation import or_not_known
from .vault import VaultSteps

_MONTHS = NumberSelectorConfig(
    min=0, max=MOST_AUDIT_MONTHS, mode=NumberSelectorMode.BOX
)


class AuditSteps(VaultSteps):
    """The step of the audit log."""

    async def async_step_audit(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the key and where the log ends, and ask how long it is kept."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        if user_input is not None:
            return self._save({CONF_AUDIT_MONTHS: int(user_input[CONF_AUDIT_MONTHS])})
        schema = probatio.Schema(
            {probatio.Required(CONF_AUDIT_MONTHS): NumberSelector(_MONTHS)}
        )
        months = parse_audit_months(self.config_entry.options)
        return self.async_show_form(
            step_id="audit",
            data_schema=self.add_suggested_values_to_schema(
                schema, {CONF_AUDIT_MONTHS: months}
            ),
            description_placeholders=neutral_all(await self._async_to_note()),
        )

    async def _async_to_note(self) -> Mapping[str, str]:
        """Return what an owner keeps elsewhere."""
        entry: NightlatchConfigEntry = self.config_entry
        runtime = entry.runtime_data
        key = runtime.audit.key
        checkpoint = await runtime.audit.async_checkpoint()
        return {
            "public_key": or_not_known(self.hass, key.public if key else None),
            "checkpoint": or_not_known(self.hass, checkpoint),
        }
