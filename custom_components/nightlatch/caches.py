"""Where that is cached which can be fetched again: not in backups, and never believed.

Home Assistant leaves its cache folder out of its backups. Whoever deletes it, or restores
a backup without it, opens nothing: the floors are kept in the storage, apart from it.
"""

import asyncio
from pathlib import Path
import shutil

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR

from .const import DOMAIN

FEEDS = "feeds"
INDEXES = "indexes"


def cache_of(hass: HomeAssistant, what: str) -> Path:
    """Return where something is cached."""
    return Path(hass.config.cache_path(DOMAIN, what))


async def async_forget(hass: HomeAssistant, what: str) -> None:
    """Delete what is cached of something."""
    await asyncio.to_thread(shutil.rmtree, cache_of(hass, what), ignore_errors=True)


async def async_tidy(hass: HomeAssistant) -> None:
    """Delete what was cached in the storage, where every backup had it."""
    for what in (FEEDS, INDEXES):
        old = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{what}"))
        await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)
