"""What a person must do about the vault and the audit log."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .adapters.vault_folder import FIRST, SECOND
from .core.errors import VaultProblem
from .core.vault.kept import Kept
from .issue import Issue
from .markup import listed
from .messages import told_now

if TYPE_CHECKING:
    from .household import Household

# Of the flow in which a person does something about it.
FLOW = "vault_flow"
_MEGABYTE = 1_000_000
_KEY_FILE = {VaultProblem.KEY_FILE_UNREADABLE, VaultProblem.WRONG_KEY_FILE}


def issues_of_vault(household: Household) -> Iterator[Issue]:
    """Return what a person must do, if anything."""
    yield from _issues_of_key(household)
    yield from _issues_of_places(household)
    yield from _issues_of_copies(household)
    if (broken := household.audit.broken) is not None:
        yield Issue(
            key="audit_broken",
            placeholders={"number": str(broken.number)},
            data={FLOW: "audit_broken", "number": broken.number},
        )


def _issues_of_key(household: Household) -> Iterator[Issue]:
    refusal = household.vault.refusal
    if refusal is None:
        return
    message = told_now(household.hass, str(refusal.reason), **refusal.details)
    if refusal.reason is VaultProblem.LOCKED:
        yield Issue(key="vault_locked", placeholders={}, data={FLOW: "vault_locked"})
    elif refusal.reason in _KEY_FILE:
        yield Issue(key="vault_key_file", placeholders={"message": message})
    elif refusal.reason is VaultProblem.KEY_LOST:
        yield Issue(key="vault_key_lost", placeholders={})
    else:
        yield Issue(key="vault_first_place", placeholders={"message": message})


def _issues_of_places(household: Household) -> Iterator[Issue]:
    vault = household.vault
    troubles = dict(vault.troubles)
    if vault.not_kept is not None:
        troubles.setdefault(FIRST, vault.not_kept)
    for name, trouble in troubles.items():
        message = told_now(household.hass, str(trouble.reason), **trouble.details)
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
    if (needed := vault.upkeep.needed()) > vault.limit:
        yield Issue(
            key="vault_too_small",
            placeholders={
                "limit": str(vault.settings.limit),
                "needed": str(-(-needed // _MEGABYTE)),
            },
        )


def _issues_of_copies(household: Household) -> Iterator[Issue]:
    testing = household.vault.testing
    lost = [each.kept for each in testing.damaged]
    lost += [each.kept for each in testing.unproven]
    if lost:
        lines = sorted({_line(household, kept) for kept in lost})
        copies = listed(lines)
        yield Issue(
            key="vault_damaged",
            placeholders={"copies": copies},
            data={FLOW: "vault_damaged", "copies": copies},
        )


def _line(household: Household, kept: Kept | None) -> str:
    """Return what a copy was of, in words."""
    if kept is None:
        return told_now(household.hass, "vault_copy_unknown")
    model, version = kept.binding.model, kept.binding.version
    names = [
        lock.name
        for lock in household.locks.values()
        if lock.record.identity.model == model
    ]
    return f"{', '.join(sorted(names)) or model}: {version}"
