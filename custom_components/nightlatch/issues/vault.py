"""What a person must do about the vault and the audit log."""

from collections.abc import Iterator

from homeassistant.core import HomeAssistant

from ..adapters.audit_file import AuditFile
from ..adapters.storage import told_problem
from ..adapters.vault_folder import FIRST, SECOND
from ..core.errors import VaultProblem
from ..core.vault.kept import Kept
from ..issue import Issue
from ..locks.registry import LockRegistry
from ..markup import listed
from ..translation import told_now
from ..vault.store import HouseholdVault
from ..vault.upkeep import VaultUpkeep

# Of the flow in which a person does something about it.
FLOW = "vault_flow"
_MEGABYTE = 1_000_000
_KEY_FILE = {VaultProblem.KEY_FILE_UNREADABLE, VaultProblem.WRONG_KEY_FILE}


def issues_of_vault(
    hass: HomeAssistant,
    vault: HouseholdVault,
    upkeep: VaultUpkeep,
    audit: AuditFile,
    locks: LockRegistry,
) -> Iterator[Issue]:
    """Return what a person must do, if anything."""
    yield from _issues_of_key(hass, vault)
    yield from _issues_of_places(hass, vault, upkeep)
    yield from _issues_of_copies(hass, vault, locks)
    if (broken := audit.broken) is not None:
        yield Issue(
            key="audit_broken",
            placeholders={"number": str(broken.number)},
            data={FLOW: "audit_broken", "number": broken.number},
        )
    if audit.unwritten is not None and audit.owed:
        yield Issue(
            key="audit_unwritten",
            placeholders={
                "number": str(audit.owed),
                "problem": told_problem(audit.unwritten),
            },
        )


def _issues_of_key(hass: HomeAssistant, vault: HouseholdVault) -> Iterator[Issue]:
    refusal = vault.refusal
    if refusal is None:
        return
    message = told_now(hass, str(refusal.reason), **refusal.details)
    if refusal.reason is VaultProblem.LOCKED:
        yield Issue(key="vault_locked", placeholders={}, data={FLOW: "vault_locked"})
    elif refusal.reason in _KEY_FILE:
        yield Issue(key="vault_key_file", placeholders={"message": message})
    elif refusal.reason is VaultProblem.KEY_LOST:
        yield Issue(key="vault_key_lost", placeholders={})
    else:
        yield Issue(key="vault_first_place", placeholders={"message": message})


def _issues_of_places(
    hass: HomeAssistant, vault: HouseholdVault, upkeep: VaultUpkeep
) -> Iterator[Issue]:
    troubles = dict(vault.troubles)
    if vault.not_kept is not None:
        troubles.setdefault(FIRST, vault.not_kept)
    for name, trouble in troubles.items():
        message = told_now(hass, str(trouble.reason), **trouble.details)
        if name == FIRST:
            yield Issue(key="vault_first_place", placeholders={"message": message})
        elif name == SECOND:
            yield Issue(
                key="vault_second_place",
                placeholders={
                    "message": message,
                    "folder": str(vault.settings.second_place),
                },
            )
    if (needed := upkeep.needed()) > vault.limit:
        yield Issue(
            key="vault_too_small",
            placeholders={
                "limit": str(vault.settings.limit),
                "needed": str(-(-needed // _MEGABYTE)),
            },
        )


def _issues_of_copies(
    hass: HomeAssistant, vault: HouseholdVault, locks: LockRegistry
) -> Iterator[Issue]:
    lost = [each.kept for each in vault.damage.damaged]
    lost += [each.kept for each in vault.damage.unproven]
    if lost:
        lines = sorted({_line(hass, locks, kept) for kept in lost})
        copies = listed(lines)
        yield Issue(
            key="vault_damaged",
            placeholders={"copies": copies},
            data={FLOW: "vault_damaged", "copies": copies},
        )


def _line(hass: HomeAssistant, locks: LockRegistry, kept: Kept | None) -> str:
    """Return what a copy was of, in words."""
    if kept is None:
        return told_now(hass, "vault_copy_unknown")
    model, version = kept.binding.model, kept.binding.version
    names = [
        lock.name for lock in locks.values() if lock.record.identity.model == model
    ]
    return f"{', '.join(sorted(names)) or model}: {version}"
