"""Home Assistant's backups: nothing is installed while one is being made."""

from homeassistant.core import HomeAssistant

from .adapters.situation import BACKUP_RUNNING
from .household import async_get_household


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Hold what has not begun; what runs has its journal on disk."""
    hass.data[BACKUP_RUNNING] = True
    if (household := async_get_household(hass)) is not None:
        await household.vault.async_prepare_backup()


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on."""
    hass.data[BACKUP_RUNNING] = False
