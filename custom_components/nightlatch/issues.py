"""Issues for Home Assistant's repairs: what a person must do, and only that.

Each is gone as soon as it is done.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .adapters.storage import told_problem
from .const import DOMAIN
from .core.errors import FeedProblem
from .core.model import OutcomeKind
from .core.schedule.plan import Waiting
from .issue import Issue
from .locks import ManagedLock
from .maker import told_of_maker
from .markup import listed, neutral_all
from .messages import told_now
from .recovery_steps import recovery_steps
from .vault_issues import issues_of_vault
from .wellbeing import needs_hand

if TYPE_CHECKING:
    from .household import Household

_URGENT = {
    "unsaved",
    "unsaved_lock",
    "needs_hand",
    "stranded",
    "in_bootloader",
    "in_bootloader_by_hand",
}
_UNWANTED = {Waiting.PINNED, Waiting.SKIPPED, Waiting.NOTHING_OFFERED}


@callback
def async_delete_issues(hass: HomeAssistant) -> None:
    """Delete all issues: there is no household any more."""
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        if domain == DOMAIN:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_sync_issues(household: Household) -> None:
    """Bring the issues in step with how the locks and feeds are."""
    wanted: dict[str, Issue] = {}
    unknown: set[str] = set()
    registry = ir.async_get(household.hass)
    for lock in household.locks.values():
        # What nobody can say of a lock right now stays as it was.
        kept = {
            issue_id
            for domain, issue_id in registry.issues
            if domain == DOMAIN and issue_id.endswith(f"_{lock.subentry_id}")
        }
        with household.faults.apart("repairs", lock):
            for found in tuple(_issues_of(lock)):
                wanted[f"{found.key}_{lock.subentry_id}"] = found
            kept = set()
        unknown |= kept
        if (fault := household.faults.of(lock)) is not None:
            wanted[f"lock_fault_{lock.subentry_id}"] = Issue(
                key="lock_fault", placeholders={"lock": lock.name, "fault": fault}
            )
    if (fault := household.faults.of(None)) is not None:
        wanted["part_fault"] = Issue(key="part_fault", placeholders={"fault": fault})
    for feed in household.feeds.values():
        if feed.trouble is FeedProblem.FIRMWARE_KEY_CHANGED:
            wanted[f"firmware_key_changed_{feed.subentry_id}"] = Issue(
                key="firmware_key_changed", placeholders={"feed": feed.title}
            )
    if (problem := household.store.problem) is not None:
        wanted["unsaved"] = Issue(
            key="unsaved", placeholders={"problem": told_problem(problem)}
        )
    wanted.update((found.key, found) for found in issues_of_vault(household))
    for (domain, issue_id), issue in tuple(registry.issues.items()):
        # One that is not active is only the memory that somebody has ignored it.
        if domain == DOMAIN and issue.active and issue_id not in {*wanted, *unknown}:
            ir.async_delete_issue(household.hass, DOMAIN, issue_id)
    for issue_id, found in wanted.items():
        ir.async_create_issue(
            household.hass,
            DOMAIN,
            issue_id,
            data=found.data,
            is_fixable=found.data is not None,
            severity=(
                ir.IssueSeverity.ERROR
                if found.key in _URGENT
                else ir.IssueSeverity.WARNING
            ),
            translation_key=found.key,
            translation_placeholders=neutral_all(found.placeholders),
        )


def _issues_of(lock: ManagedLock) -> Iterator[Issue]:
    """Return what a person must do about a lock."""
    if lock.unsaved is not None and lock.household.store.problem is None:
        yield Issue(
            key="unsaved_lock",
            placeholders={"lock": lock.name, "problem": lock.unsaved},
        )
    if lock.progress is not None or lock.is_cut_off:
        return
    if lock.in_bootloader:
        yield _stranded(lock)
    elif (found := _issue_of(lock)) is not None:
        key, placeholders = found
        yield Issue(key=key, placeholders={"lock": lock.name, **placeholders})
    if (settings := lock.household.snapshots.of(lock).issue) is not None:
        yield settings
    for aftercare in lock.record.to_do:
        yield Issue(
            key=aftercare,
            placeholders={"lock": lock.name},
            data={"lock_id": lock.subentry_id, "aftercare": aftercare},
        )


def _stranded(lock: ManagedLock) -> Issue:
    """Return what a person must do about a lock that waits in its bootloader."""
    recovering, outcome = lock.household.recovering, lock.record.outcome
    remedies = recovering.remedies(lock)
    ours = recovering.is_ours(lock)
    placeholders = {
        "lock": lock.name,
        "message": (outcome.message if ours and outcome else None) or "",
        "steps": recovery_steps(lock),
    }
    if not remedies:
        key = "needs_hand" if ours else "in_bootloader_by_hand"
        return Issue(key=key, placeholders=placeholders)
    if ours:
        placeholders["tries"] = _tries(lock)
    return Issue(
        key="stranded" if ours else "in_bootloader",
        placeholders={**placeholders, "version": remedies[0].release.version.text},
        data={"stranded": lock.subentry_id},
    )


def _tries(lock: ManagedLock) -> str:
    """Return how often it was tried to bring a lock out, and when it is tried next."""
    outcome, due = lock.record.outcome, lock.household.recovering.next_try(lock)
    if outcome is None or not outcome.is_fruitless or due is None:
        return told_now(lock.hass, "recovery_begins", lock=lock.name)
    return told_now(
        lock.hass,
        "recovery_tried",
        lock=lock.name,
        tries=str(outcome.tries),
        time=f"{due.astimezone(lock.household.zone):%H:%M}",
    )


def _issue_of(lock: ManagedLock) -> tuple[str, dict[str, str]] | None:
    """Return what a person must do about a lock, if anything."""
    outcome = lock.record.outcome
    if (
        outcome is not None
        and outcome.kind is OutcomeKind.NEEDS_HAND
        and needs_hand(lock)
    ):
        return "needs_hand", {
            "message": outcome.message or "",
            "steps": recovery_steps(lock),
        }
    if (trouble := lock.kind.trouble) is not None:
        return trouble, {}
    if lock.kind.misconduct is not None:
        return "source_stuck", {}
    waits = lock.kind.by_hand and lock.plan.waiting not in _UNWANTED
    if waits and lock.release is not None:
        return "update_by_hand", {
            "version": lock.release.version.text,
            "steps": listed(told_of_maker(lock)),
        }
    if lock.plan.waiting is Waiting.VENDOR:
        return "contact_vendor", {
            "version": lock.release.version.text if lock.release else "?",
            "message": (outcome.message if outcome else None) or "",
        }
    return None
