"""What the diagnostics say of the vault: no paths, and nothing of its key."""

from typing import Any

from ..adapters.audit_file import AuditFile
from ..adapters.storage import HouseholdStore
from ..core.errors import VaultError
from ..core.vault.reports import Damage
from .store import HouseholdVault
from .upkeep import VaultUpkeep


def describe_vault(
    vault: HouseholdVault, upkeep: VaultUpkeep, store: HouseholdStore, audit: AuditFile
) -> dict[str, Any]:
    """Return how the vault and the audit log are."""
    damage, broken = vault.damage, audit.broken
    return {
        "key_source": vault.source,
        "problem": _reason(vault.problem),
        "not_kept": _reason(vault.not_kept),
        "has_second_place": vault.settings.second_place is not None,
        "limit": vault.limit,
        "needed": upkeep.needed(),
        "tested": store.vault_tested,
        "troubles": {name: _reason(err) for name, err in vault.troubles.items()},
        "places": {
            name: {
                "copies": place.blobs,
                "damaged": len(place.damaged),
                "merged": place.merged,
                "foreign": place.foreign,
            }
            for name, place in damage.found.items()
        },
        "kept": [
            {
                "model": each.binding.model,
                "version": each.binding.version,
                "size": each.size,
                "kept_at": each.kept_at,
                "rank": upkeep.wanted().get(sha256),
            }
            for sha256, each in vault.kept.items()
        ],
        "damaged": [_damage(each) for each in damage.damaged],
        "unproven": [str(each.error.reason) for each in damage.unproven],
        "audit": {"damage": broken.damage, "entry": broken.number} if broken else None,
    }


def _reason(err: VaultError | None) -> str | None:
    # Its details name paths.
    return str(err.reason) if err is not None else None


def _damage(damage: Damage) -> dict[str, Any]:
    return {
        "place": damage.place,
        "reason": str(damage.error.reason),
        "version": damage.kept.binding.version if damage.kept else None,
    }
