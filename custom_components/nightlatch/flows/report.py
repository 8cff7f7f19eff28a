"""The report's part of the options: a link to it."""

from typing import Any

import probatio

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult

from ..markup import Composed, neutral_all
from ..report.link import async_link
from .audit import AuditSteps


class ReportSteps(AuditSteps):
    """The step of the report."""

    async def async_step_report(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show a link to the report; nothing is changed."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        if user_input is not None:
            return self._save({})
        # Where it would open in its own place, the frontend looks for a page of its own.
        link = Composed(f'<a href="{async_link(self.hass)}" target="_blank">')
        return self.async_show_form(
            step_id="report",
            data_schema=probatio.Schema({}),
            description_placeholders=neutral_all(
                {"open": link, "close": Composed("</a>")}
            ),
        )
