"""Testing the copies in the vault, and keeping in mind which are no good."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
import random
from typing import TYPE_CHECKING

from homeassistant.util import dt as dt_util

from .adapters.storage import unsaved_for_now
from .adapters.vault_folder import FIRST
from .core.errors import VaultError, VaultProblem
from .core.firmware.packages import verify_artifact
from .core.moments import is_over
from .core.records.kept_release import KeptRelease
from .core.vault.kept import Kept
from .core.vault.reports import Damage, PlaceReport, TestReport, Unproven
from .core.vault.vault import Vault

if TYPE_CHECKING:
    from .household import Household
    from .vaulting import HouseholdVault

TEST_INTERVAL = timedelta(days=7)
# So that a test is not always at the hour of the last restart.
TEST_JITTER = timedelta(hours=12)


class VaultTesting:
    """Tests every copy once a week, or when somebody wants it."""

    def __init__(self, household: Household, vault: HouseholdVault) -> None:
        """Take the household and its vault."""
        self._household = household
        self._vault = vault
        self._jitter = random.uniform(-1, 1) * TEST_JITTER
        self.found: Mapping[str, PlaceReport] = {}
        """What was found when it was looked at last, by the names of the places."""
        self.damaged: tuple[Damage, ...] = ()
        """Copies of what nothing could replace."""
        self.unproven: tuple[Unproven, ...] = ()
        """What no longer proves itself, as the last test found it."""

    def is_due(self, now: datetime) -> bool:
        """Return whether the last test is a week ago."""
        kept = self._vault.kept.values()
        if not kept:
            return False
        tested = self._household.store.vault_tested or min(
            each.kept_at for each in kept
        )
        return is_over(tested, TEST_INTERVAL + self._jitter, now)

    async def async_test(self) -> TestReport:
        """Decrypt, compare and prove every copy; raise ``VaultError``."""
        household, vault = self._household, self._vault.open_vault()
        report = await vault.test(_prove, self._vault.upkeep.async_refetch)
        self.found = report.places
        await self._async_set_damaged(vault, report.damaged)
        self.unproven = report.unproven
        with unsaved_for_now("When the vault was tested"):
            await household.store.async_set_vault_tested(dt_util.utcnow())
        if report.replaced or report.damaged or report.unproven:
            await household.async_audit(
                "vault_tested",
                sound=report.sound,
                replaced=[_name(each.kept) for each in report.replaced],
                damaged=[_name(each.kept) for each in report.damaged],
                unproven=[_name(each.kept) for each in report.unproven],
            )
        self._vault.async_refresh()
        return report

    async def async_take_over(
        self, vault: Vault, found: Mapping[str, PlaceReport]
    ) -> None:
        """Take over what opening has found, and what of that is damaged.

        Opening reads only what copies say of themselves; those that were no good before
        are read to the end.
        """
        self.found = found
        damaged = [each for place in found.values() for each in place.damaged]
        for sha256 in self._household.store.vault_suspects:
            if (kept := vault.by_digest(sha256)) is not None:
                try:
                    await vault.get(sha256)
                except VaultError as err:
                    damaged.append(_damage(kept, err))
        await self._async_set_damaged(vault, damaged)

    async def async_note_lost(self, vault: Vault, kept: Kept, err: VaultError) -> None:
        """Keep that somebody has asked for a copy in vain."""
        await self._async_set_damaged(vault, [*self.damaged, _damage(kept, err)])

    async def async_note_kept(self, vault: Vault) -> None:
        """Forget of damage what has a good copy again."""
        await self._async_set_damaged(vault, self.damaged)

    async def _async_set_damaged(self, vault: Vault, damaged: Iterable[Damage]) -> None:
        """Keep that of which no good copy is left anywhere, once each."""
        lost = {
            each.kept.binding.sha256 if each.kept else each.name: each
            for each in damaged
            if each.error.reason is not VaultProblem.TOO_NEW
            and (each.kept is None or vault.by_digest(each.kept.binding.sha256) is None)
        }
        self.damaged = tuple(lost.values())
        with unsaved_for_now("What is damaged in the vault"):
            await self._household.store.async_set_vault_suspects(
                tuple(each.kept.binding.sha256 for each in self.damaged if each.kept)
            )

    async def async_drop_damaged(self) -> None:
        """Remove the copies that nothing could replace: a person has seen them.

        Raises ``VaultError``.
        """
        vault = self._vault.open_vault()
        await vault.drop_damaged()
        await self._async_set_damaged(vault, ())
        self.unproven = ()
        self._vault.async_refresh()


def _damage(kept: Kept, err: VaultError) -> Damage:
    return Damage(place=FIRST, name="", kept=kept, error=err)


def _prove(kept: Kept, data: bytes) -> None:
    """Raise ``NightlatchError`` unless an artifact is signed as when it was kept."""
    try:
        known = KeptRelease.from_about(kept.about)
    except ValueError:
        # A later version of Nightlatch has kept it; that its bytes are whole is proven.
        return
    if known.release.payload is not None:
        verify_artifact(
            data,
            known.release,
            keys=(known.signer,) if known.signer else (),
            minimum_firmware_version=None,
        )


def _name(kept: Kept | None) -> str:
    return f"{kept.binding.model} {kept.binding.version}" if kept else "?"
