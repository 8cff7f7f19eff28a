"""Steps of a lock's flow that try the way to it, before a night depends on it."""

import asyncio
from typing import Any, override

from homeassistant.config_entries import SubentryFlowContext, SubentryFlowResult
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError

from ..core.preflight.rehearsal import Rehearsal
from ..markup import listed, neutral_all
from ..texts.rehearsal import async_told_rehearsal
from .firmware_file import FirmwareFileFlow
from .progress import ProgressFlow
from .who import async_told

_TRY_WAY = "try_way"


class TryWaySteps(
    ProgressFlow[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    FirmwareFileFlow,
):
    """Tries it while the dialog is open, and tells at once what came of it."""

    _trying: asyncio.Task[Rehearsal] | None = None

    async def async_step_try_way(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Try the way; nothing is written to the lock."""
        if (lock := self._managed) is None:
            if self._trying is not None:
                # What shows progress may lead to nothing but its end.
                return self.async_show_progress_done(next_step_id="way_tried")
            return self.async_abort(reason="entry_not_loaded")
        if self._trying is None:
            self._trying = self._get_entry().async_create_background_task(
                self.hass,
                self._runtime.rehearsing.async_try(lock),
                f"try of the way to {lock.name}",
            )
        if not self._trying.done():
            return self.async_show_progress(
                step_id=_TRY_WAY,
                progress_action=_TRY_WAY,
                description_placeholders=neutral_all({"lock": lock.name}),
                progress_task=self._trying,
            )
        return self.async_show_progress_done(next_step_id="way_tried")

    async def async_step_way_tried(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Tell what came of it."""
        lock, trying = self._managed, self._trying
        # Nothing leads here but the step before; anybody can name a step.
        if lock is None or trying is None or not trying.done() or trying.cancelled():
            return self.async_abort(reason="entry_not_loaded")
        self._trying = None
        try:
            rehearsal = trying.result()
        except HomeAssistantError as err:
            told = await async_told(self.hass, err)
        else:
            told = listed(await async_told_rehearsal(self.hass, lock, rehearsal))
        return self.async_abort(
            reason="way_tried",
            description_placeholders=neutral_all({"lock": lock.name, "told": told}),
        )

    @callback
    @override
    def async_remove(self) -> None:
        """End what runs when the dialog is closed."""
        super().async_remove()
        if self._trying is not None:
            self._trying.cancel()
