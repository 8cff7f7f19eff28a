"""Repairs: a condition that the owner has named is gone; a person names another, or none."""

from typing import Any

import probatio

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.helpers.selector import EntitySelector, EntitySelectorConfig

from ..markup import neutral_all
from ..runtime import async_get_runtime
from .options import CONDITION_DOMAINS


class ConditionFlow(RepairsFlow):
    """Asks what is the condition from now on.

    Home Assistant lets administrators only fix an issue.
    """

    def __init__(self, option: str, was: str) -> None:
        """Take which condition it is, and what was named."""
        self._option = option
        self._was = was

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Begin; what is given here is the issue."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask, and keep what is said."""
        if (runtime := async_get_runtime(self.hass)) is None:
            return self.async_abort(reason="not_loaded")
        if runtime.entry.options.get(self._option) != self._was:
            return self.async_abort(reason="other_than_told")
        if user_input is not None:
            runtime.settings.async_set_option(self._option, user_input.get("entity"))
            return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=probatio.Schema(
                {
                    probatio.Optional("entity"): EntitySelector(
                        EntitySelectorConfig(domain=CONDITION_DOMAINS)
                    )
                }
            ),
            description_placeholders=neutral_all({"entity": self._was}),
        )
