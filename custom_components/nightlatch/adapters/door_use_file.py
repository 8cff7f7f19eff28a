"""When doors were used, on Home Assistant's own disk, and what people did not want of it.

Apart from what else is kept: if it is lost, nothing but some weeks of learning is. It is
written a while after something was learned, and as Home Assistant stops.
"""

from collections.abc import Callable
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1
_WRITTEN_AFTER: Final = 900
"""Seconds: a door is used often, and a disk need not hear of it each time."""


class DoorUseFile:
    """One file for the household; only Home Assistant's user may read it."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self._store = Store[dict[str, Any]](
            hass,
            _VERSION,
            f"{DOMAIN}.{entry_id}.door_use",
            private=True,
            atomic_writes=True,
        )

    async def async_load(self) -> dict[str, Any]:
        """Return what is kept; nothing where it cannot be read."""
        try:
            return await self._store.async_load() or {}
        except (HomeAssistantError, NotImplementedError, OSError) as err:
            _LOGGER.warning("When doors were used cannot be read: %s", err)
            return {}

    @callback
    def async_write_soon(self, told: Callable[[], dict[str, Any]]) -> None:
        """Write it in a while, as it is then."""
        self._store.async_delay_save(told, _WRITTEN_AFTER)

    async def async_write(self, kept: dict[str, Any]) -> None:
        """Write it now; what cannot be written is lost with the next start."""
        await self._store.async_save(kept)

    async def async_remove(self) -> None:
        """Delete it."""
        await self._store.async_remove()
