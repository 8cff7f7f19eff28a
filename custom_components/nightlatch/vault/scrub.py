"""Testing the copies in the vault: each is decrypted, compared and proven."""

from datetime import datetime, timedelta
import random

from homeassistant.util import dt as dt_util

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore, unsaved_for_now
from ..core.firmware.packages import verify_artifact
from ..core.moments import is_over
from ..core.records.kept_release import KeptRelease
from ..core.vault.kept import Kept
from ..core.vault.reports import TestReport
from .fetching import VaultFetching
from .store import HouseholdVault

TEST_INTERVAL = timedelta(days=7)
# So that a test is not always at the hour of the last restart.
TEST_JITTER = timedelta(hours=12)


class VaultTesting:
    """Tests every copy once a week, or when somebody wants it."""

    def __init__(
        self,
        vault: HouseholdVault,
        fetching: VaultFetching,
        store: HouseholdStore,
        audit: AuditFile,
    ) -> None:
        """Take the vault, and where what is damaged may be had again."""
        self._vault = vault
        self._fetching = fetching
        self._store = store
        self._audit = audit
        self._jitter = random.uniform(-1, 1) * TEST_JITTER

    def is_due(self, now: datetime) -> bool:
        """Return whether the last test is a week ago."""
        kept = self._vault.kept.values()
        if not kept:
            return False
        tested = self._store.vault_tested or min(each.kept_at for each in kept)
        return is_over(tested, TEST_INTERVAL + self._jitter, now)

    async def async_test(self) -> TestReport:
        """Decrypt, compare and prove every copy; raise ``VaultError``."""
        vault, damage = self._vault.open_vault(), self._vault.damage
        report = await vault.test(_prove, self._fetching.async_refetch)
        damage.found = report.places
        await damage.async_set(vault, report.damaged)
        damage.unproven = report.unproven
        with unsaved_for_now("When the vault was tested"):
            await self._store.async_set_vault_tested(dt_util.utcnow())
        if report.replaced or report.damaged or report.unproven:
            await self._audit.async_append(
                "vault_tested",
                sound=report.sound,
                replaced=[_name(each.kept) for each in report.replaced],
                damaged=[_name(each.kept) for each in report.damaged],
                unproven=[_name(each.kept) for each in report.unproven],
            )
        self._vault.async_refresh()
        return report


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
    return f"{kept.binding.model} {kept.binding.version}" if kept else "unknown"
