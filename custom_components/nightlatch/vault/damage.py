"""Which copies in the vault are no good, kept in mind until something replaces them."""

from collections.abc import Iterable, Mapping

from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..adapters.vault_folder import FIRST
from ..core.errors import VaultError, VaultProblem
from ..core.vault.kept import Kept
from ..core.vault.reports import Damage, PlaceReport, Unproven
from ..core.vault.vault import Vault


class VaultDamage:
    """What was found when the copies were looked at."""

    def __init__(self, store: HouseholdStore) -> None:
        """Take where it is kept which copies are suspect."""
        self._store = store
        self.found: Mapping[str, PlaceReport] = {}
        """What was found when it was looked at last, by the names of the places."""
        self.damaged: tuple[Damage, ...] = ()
        """Copies of what nothing could replace."""
        self.unproven: tuple[Unproven, ...] = ()
        """What no longer proves itself, as the last test found it."""

    async def async_take_over(
        self, vault: Vault, found: Mapping[str, PlaceReport]
    ) -> None:
        """Take over what opening has found, and what of that is damaged.

        Opening reads only what copies say of themselves; those that were no good before
        are read to the end.
        """
        self.found = found
        damaged = [each for place in found.values() for each in place.damaged]
        for sha256 in self._store.vault_suspects:
            if (kept := vault.by_digest(sha256)) is not None:
                try:
                    await vault.get(sha256)
                except VaultError as err:
                    damaged.append(_damage(kept, err))
        await self.async_set(vault, damaged)

    async def async_note_lost(self, vault: Vault, kept: Kept, err: VaultError) -> None:
        """Keep that somebody has asked for a copy in vain."""
        await self.async_set(vault, [*self.damaged, _damage(kept, err)])

    async def async_note_kept(self, vault: Vault) -> None:
        """Forget of damage what has a good copy again."""
        await self.async_set(vault, self.damaged)

    async def async_set(self, vault: Vault, damaged: Iterable[Damage]) -> None:
        """Keep that of which no good copy is left anywhere, once each."""
        lost = {
            each.kept.binding.sha256 if each.kept else each.name: each
            for each in damaged
            if each.error.reason is not VaultProblem.TOO_NEW
            and (each.kept is None or vault.by_digest(each.kept.binding.sha256) is None)
        }
        self.damaged = tuple(lost.values())
        with unsaved_for_now("What is damaged in the vault"):
            await self._store.async_set_vault_suspects(
                tuple(each.kept.binding.sha256 for each in self.damaged if each.kept)
            )


def _damage(kept: Kept, err: VaultError) -> Damage:
    return Damage(place=FIRST, name="", kept=kept, error=err)
