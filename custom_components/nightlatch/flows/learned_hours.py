"""Repairs: quiet hours that were learned; a person sets them, or does not want them."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult

from ..core.schedule.proposal import Proposal
from ..core.schedule.quiet_hours import QuietHours
from ..issues.door_use import issue_of_door_use
from ..markup import neutral_all
from ..runtime import Runtime, async_get_runtime


class LearnedHoursFlow(RepairsFlow):
    """Shows what was seen, and sets the hours once somebody wants that.

    Home Assistant lets administrators only fix an issue.
    """

    def __init__(self, told: QuietHours) -> None:
        """Take the hours that the person has been told of."""
        self._told = told

    @property
    def _suggested(self) -> tuple[Runtime, Proposal] | None:
        """Return what is suggested, while it is still what the person has read."""
        runtime = async_get_runtime(self.hass)
        proposal = runtime.door_use.suggestion if runtime is not None else None
        if runtime is None or proposal is None or proposal.hours != self._told:
            return None
        return runtime, proposal

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask what is to be done."""
        if (found := self._suggested) is None:
            return self.async_abort(reason="other_than_told")
        issue = issue_of_door_use(self.hass, found[0].door_use)
        assert issue is not None
        return self.async_show_menu(
            step_id="init",
            menu_options=["accept", "refuse"],
            description_placeholders=neutral_all(issue.placeholders),
        )

    async def async_step_accept(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Set them for the household."""
        if (found := self._suggested) is None:
            return self.async_abort(reason="other_than_told")
        found[0].door_use.async_accept(self._told)
        return self.async_create_entry(data={})

    async def async_step_refuse(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Do not suggest them again."""
        if (found := self._suggested) is None:
            return self.async_abort(reason="other_than_told")
        found[0].door_use.async_refuse(self._told)
        return self.async_create_entry(data={})
