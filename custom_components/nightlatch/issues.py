"""Issues for Home Assistant's repairs: what a person must do, and only that.

Each is gone as soon as it is done.
"""

from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .core.errors import FeedProblem
from .core.model import OutcomeKind
from .core.schedule.plan import Waiting
from .locks import ManagedLock
from .wellbeing import needs_hand

if TYPE_CHECKING:
    from .household import Household

_URGENT = {"needs_hand", "in_bootloader"}


@callback
def async_delete_issues(hass: HomeAssistant) -> None:
    """Delete all issues: there is no household any more."""
    for domain, issue_id in tuple(ir.async_get(hass).issues):
        if domain == DOMAIN:
            ir.async_delete_issue(hass, DOMAIN, issue_id)


@callback
def async_sync_issues(household: Household) -> None:
    """Bring the issues in step with how the locks and feeds are."""
    wanted: dict[str, tuple[str, dict[str, str]]] = {}
    for lock in household.locks.values():
        if (found := _issue_of(lock)) is not None:
            key, placeholders = found
            wanted[f"{key}_{lock.subentry_id}"] = (
                key,
                {"lock": lock.name, **placeholders},
            )
    for feed in household.feeds.values():
        if feed.trouble is FeedProblem.FIRMWARE_KEY_CHANGED:
            wanted[f"firmware_key_changed_{feed.subentry_id}"] = (
                "firmware_key_changed",
                {"feed": feed.title},
            )
    registry = ir.async_get(household.hass)
    for (domain, issue_id), issue in tuple(registry.issues.items()):
        # One that is not active is only the memory that somebody has ignored it.
        if domain == DOMAIN and issue.active and issue_id not in wanted:
            ir.async_delete_issue(household.hass, DOMAIN, issue_id)
    for issue_id, (key, placeholders) in wanted.items():
        ir.async_create_issue(
            household.hass,
            DOMAIN,
            issue_id,
            is_fixable=False,
            severity=(
                ir.IssueSeverity.ERROR if key in _URGENT else ir.IssueSeverity.WARNING
            ),
            translation_key=key,
            translation_placeholders=placeholders,
        )


def _issue_of(lock: ManagedLock) -> tuple[str, dict[str, str]] | None:
    """Return what a person must do about a lock, if anything."""
    if lock.progress is not None:
        return None
    if lock.in_bootloader:
        return "in_bootloader", {}
    outcome = lock.record.outcome
    if (
        outcome is not None
        and outcome.kind is OutcomeKind.NEEDS_HAND
        and needs_hand(lock)
    ):
        return "needs_hand", {"message": outcome.message or ""}
    if lock.feed is None:
        return "feed_gone", {}
    if lock.plan.waiting is Waiting.VENDOR:
        return "contact_vendor", {
            "version": lock.release.version.text if lock.release else "?",
            "message": (outcome.message if outcome else None) or "",
        }
    return None
