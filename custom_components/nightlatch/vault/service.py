"""The vault's life beside that of the household: it begins, is set, and ends."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..settings import VaultSettings
from .store import HouseholdVault
from .upkeep import VaultUpkeep


class VaultService:
    """Keeps what is done for the vault by itself out of the way of what is done to it."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        vault: HouseholdVault,
        upkeep: VaultUpkeep,
    ) -> None:
        """Take the vault and its upkeep."""
        self._hass = hass
        self._entry = entry
        self._vault = vault
        self._upkeep = upkeep

    async def async_close(self) -> None:
        """Stop everything."""
        await self._upkeep.async_stand_aside()
        await self._vault.async_close()

    async def async_prepare_backup(self) -> None:
        """Let everything be on disk as it will be restored."""
        await self._upkeep.async_stand_aside()
        await self._vault.async_write_ledger()

    @callback
    def async_configure(self, settings: VaultSettings) -> None:
        """Take over what the owner has set, in the background."""
        if settings != self._vault.settings:
            self._vault.async_configure(settings)
            self._entry.async_create_background_task(
                self._hass,
                self._async_reopen(),
                "opening of the vault with other settings",
            )

    async def _async_reopen(self) -> None:
        await self._upkeep.async_stand_aside()
        await self._vault.async_reopen()
