"""The end of what a dialog waits for, told until the dialog has heard of it."""

import asyncio
from typing import Any, Final, override

from homeassistant.core import callback
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult

# Seconds until it is told again, each time; nobody sits before a dialog for longer.
_AGAIN_AFTER: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class ProgressFlow[
    ContextT: FlowContext,
    ResultT: FlowResult[Any, Any],
    HandlerT,
](FlowHandler[ContextT, ResultT, HandlerT]):
    """A flow whose progress comes to its end in every dialog.

    Home Assistant tells its dialogs once that a progress is done, and waits until they
    ask. A dialog that is not drawn yet, or whose connection was away for a moment, does
    not hear it, and would show for ever that something goes on.
    """

    _telling: asyncio.Task[None] | None = None

    @callback
    @override
    def async_show_progress_done(self, *, next_step_id: str) -> ResultT:
        """Return that it is done, and see to it that the dialog asks what comes next."""
        done = super().async_show_progress_done(next_step_id=next_step_id)
        self._end_telling()
        self._telling = self.hass.async_create_background_task(
            self._async_tell(done), f"end of progress of {self.flow_id}"
        )
        return done

    async def _async_tell(self, done: ResultT) -> None:
        for seconds in _AGAIN_AFTER:
            await asyncio.sleep(seconds)
            if self.cur_step is not done:
                return
            self.async_notify_flow_changed()

    @callback
    @override
    def async_remove(self) -> None:
        """Tell nobody any more: it is over, or the dialog is closed."""
        super().async_remove()
        self._end_telling()

    def _end_telling(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
