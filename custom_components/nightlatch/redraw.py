"""Drawing what shows many locks anew: at once, and then not again for a while."""

import asyncio
from collections.abc import Callable
from typing import Final

from homeassistant.core import HomeAssistant, callback

from .turns import FEW

_SECONDS_PER_LOCK: Final = 0.001


def pause_for(locks: int) -> float:
    """Return for how many seconds so many locks are not drawn anew.

    With each of them it takes longer, and each tells something when a broker goes: so
    both together cost what they are many, and not the square of it. A few are never
    waited for.
    """
    return locks * _SECONDS_PER_LOCK if locks > FEW else 0.0


class Redraw:
    """Draws what is new at once; what is new in the pause after that, at its end."""

    def __init__(
        self,
        hass: HomeAssistant,
        draw: Callable[[], None],
        pause: Callable[[], float],
    ) -> None:
        """Take what draws, and what tells how long it is not drawn again."""
        self._hass = hass
        self._draw = draw
        self._pause = pause
        self._is_new = False
        self._paused: asyncio.TimerHandle | None = None

    @callback
    def async_note(self) -> None:
        """Draw now, or when the pause is over."""
        if self._paused is not None:
            self._is_new = True
            return
        if (pause := self._pause()) > 0:
            self._paused = self._hass.loop.call_later(pause, self._go_on)
        self._draw()

    @callback
    def async_close(self) -> None:
        """Draw nothing any more."""
        if self._paused is not None:
            self._paused.cancel()
            self._paused = None
        self._is_new = False

    @callback
    def _go_on(self) -> None:
        self._paused = None
        if self._is_new:
            self._is_new = False
            self.async_note()
