"""Home Assistant's backups: nothing is installed while one is being made."""

from homeassistant.core import HomeAssistant

from .adapters.situation import BACKUP_RUNNING
from .const import DOMAIN
from .household import Household


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Hold what has not begun; what runs has its journal on disk."""
    hass.data[BACKUP_RUNNING] = True
    for entry in hass.config_entries.async_loaded_entries(DOMAIN):
        household: Household = entry.runtime_data
        await household.vault.async_prepare_backup()


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on."""
    hass.data[BACKUP_RUNNING] = False
