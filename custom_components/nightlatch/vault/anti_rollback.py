"""The vault's ledger: the floors, where a restored backup of the storage cannot sink them.

Home Assistant's storage goes back with a backup, and so does all in it. The ledger lies
with every copy of the vault, encrypted and authenticated as that is; of all that are
found, and of what the storage says, the highest counts.
"""

from collections.abc import Awaitable, Callable, Mapping
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore
from ..const import EVENT_NIGHTLATCH
from ..core.errors import VaultError
from ..core.records.audit_chain import AuditHead
from ..core.records.stored import as_floor, as_text, as_whole
from ..core.records.trust import Trust
from ..core.vault.record import MOST
from ..core.vault.vault import Vault
from ..events import BACKUP_RESTORED
from ..locks.registry import LockRegistry

_LOGGER = logging.getLogger(__name__)

# Besides the generation and where the audit log ends.
_MOST_OF_TRUST = MOST - 4096


class AntiRollback:
    """Writes down how high the floors are, and takes back what was higher."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        store: HouseholdStore,
        audit: AuditFile,
        *,
        locks: LockRegistry,
        on_restored: Callable[[], Awaitable[None]],
    ) -> None:
        """Take where the floors are kept; ``on_restored`` tells people."""
        self._hass = hass
        self._entry = entry
        self._store = store
        self._audit = audit
        self._locks = locks
        self._on_restored = on_restored
        self.written: int | None = None
        """The generation that was written last."""
        self._anchor: AuditHead | None = None
        """Where the audit log ended when it could last be relied upon."""

    async def async_write(self, vault: Vault) -> None:
        """Write, where the floors have risen since; a place that is away is left out.

        Raises nothing: what is wrong with the places is told by the vault.
        """
        generation = self._store.generation
        if generation == self.written:
            return
        self._anchor = head = await self._audit.async_head() or self._anchor
        ledger: dict[str, Any] = {
            "generation": generation,
            # Feeds that are gone are never forgotten, so these only grow.
            "trust": self._fitting(self._store.trust).to_dict(),
            "audit": {"number": head.number, "hash": head.hash} if head else None,
        }
        try:
            await vault.write_ledger(ledger)
        except VaultError as err:
            _LOGGER.debug("The ledger was not written: %s", err)
            return
        self.written = generation

    def _fitting(self, trust: Trust) -> Trust:
        fits = trust.within(_MOST_OF_TRUST)
        if fits != trust:
            _LOGGER.warning(
                "Feeds have halted more than the vault's ledger has room for; if a backup "
                "is restored, what is left out is known again once they are asked; of feeds "
                "that were removed it is not"
            )
        return fits

    async def async_read(self, vault: Vault) -> None:
        """Take back what is higher in any place; then a backup was restored."""
        before = self._store.generation
        found: list[int] = []
        restored = False
        anchor: AuditHead | None = None
        for raw in await vault.read_ledgers():
            try:
                generation = as_floor(raw["generation"])
                trust = Trust.from_dict(raw["trust"])
                anchor = anchor or _head(raw["audit"])
            except (KeyError, TypeError, ValueError) as err:
                _LOGGER.warning("A ledger of the vault is not understood: %r", err)
                continue
            found.append(generation)
            if await self._store.async_take_back(trust, generation):
                restored = True
        if restored:
            await self._async_tell_restored(before, max(found))
        elif anchor is not None:
            self._anchor = anchor
            await self._audit.async_hold_against(anchor)
        # Each place is brought up to what holds now.
        self.written = None
        await self.async_write(vault)

    async def _async_tell_restored(self, before: int, found: int) -> None:
        """Write down and tell that the storage was older than it should be."""
        _LOGGER.warning(
            "What Nightlatch keeps was older than its vault knows (generation %d, and %d "
            "there): a backup was restored. The floors were taken over from the vault",
            before,
            found,
        )
        await self._audit.async_append(BACKUP_RESTORED, stored=before, found=found)
        self._hass.bus.async_fire(
            EVENT_NIGHTLATCH, {"type": BACKUP_RESTORED, "name": self._entry.title}
        )
        await self._on_restored()
        self._locks.async_select()


def _head(raw: Mapping[str, Any] | None) -> AuditHead | None:
    if raw is None:
        return None
    return AuditHead(number=as_whole(raw["number"]), hash=as_text(raw["hash"]))
