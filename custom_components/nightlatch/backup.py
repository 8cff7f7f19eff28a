"""Home Assistant's backups: nothing is installed while one is being made."""

from homeassistant.core import HomeAssistant

from .adapters.situation import BACKUP_RUNNING


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Hold what has not begun; what runs has its journal on disk."""
    hass.data[BACKUP_RUNNING] = True


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on."""
    hass.data[BACKUP_RUNNING] = False
