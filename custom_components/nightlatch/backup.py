"""Home Assistant's backups: nothing is installed while one is being made."""

from homeassistant.core import HomeAssistant

from .adapters.situation import BACKUP_RUNNING
from .runtime import async_get_runtime


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Hold what has not begun; what runs has its journal on disk."""
    hass.data[BACKUP_RUNNING] = True
    if (runtime := async_get_runtime(hass)) is not None:
        await runtime.vault_service.async_prepare_backup()


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on."""
    hass.data[BACKUP_RUNNING] = False
