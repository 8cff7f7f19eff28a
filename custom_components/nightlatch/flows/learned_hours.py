"""Repairs: quiet hours that were learned; a person sets them, or does not want them."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult

from ..core.schedule.quiet_hours import QuietHours
from ..issue import Issue
from ..issues.door_use import hours_told, issue_of_door_use, issue_of_own_hours
from ..markup import neutral_all
from ..runtime import Runtime, async_get_runtime


class LearnedHoursFlow(RepairsFlow):
    """Shows what was seen, and sets the hours once somebody wants that.

    Home Assistant lets administrators only fix an issue.
    """

    def __init__(self, told: QuietHours, lock_id: str | None = None) -> None:
        """Take the hours that the person has been told of, and for which lock alone."""
        self._told = told
        self._lock_id = lock_id

    @property
    def _suggested(self) -> tuple[Runtime, Issue] | None:
        """Return what is suggested, while it is still what the person has read."""
        if (runtime := async_get_runtime(self.hass)) is None:
            return None
        issue: Issue | None = None
        if self._lock_id is None:
            issue = issue_of_door_use(self.hass, runtime.door_use)
        elif (lock := runtime.locks.get(self._lock_id)) is not None:
            issue = issue_of_own_hours(lock, runtime.door_use)
        if issue is None or hours_told(issue.data or {}) != self._told:
            return None
        return runtime, issue

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask what is to be done."""
        if (found := self._suggested) is None:
            return self.async_abort(reason="other_than_told")
        return self.async_show_menu(
            step_id="init",
            menu_options=["accept", "refuse"],
            description_placeholders=neutral_all(found[1].placeholders),
        )

    async def async_step_accept(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Set them, for the household or for the lock."""
        if (found := self._suggested) is None:
            return self.async_abort(reason="other_than_told")
        found[0].door_use.async_accept(self._told, self._lock_id)
        return self.async_create_entry(data={})

    async def async_step_refuse(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Do not suggest them again."""
        if (found := self._suggested) is None:
            return self.async_abort(reason="other_than_told")
        found[0].door_use.async_refuse(self._told, self._lock_id)
        return self.async_create_entry(data={})
