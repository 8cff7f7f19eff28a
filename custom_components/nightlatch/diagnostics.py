"""Diagnostics: everything that helps with a problem, and nothing that opens a door."""

from dataclasses import asdict
from typing import Any

from yarl import URL

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_ADDRESS, CONF_HOST, CONF_URL
from homeassistant.core import HomeAssistant

from .const import CONF_REPORTS_TO
from .coordinator import FeedCoordinator
from .core.schedule.plan import Plan
from .locks.lock import ManagedLock
from .runtime import NightlatchConfigEntry
from .vault.diagnostics import describe_vault

# Address and serial number tell one door from all others; the URL may tell a customer,
# and who has approved what is nobody else's business.
_REDACTED = {
    CONF_ADDRESS,
    CONF_HOST,
    CONF_REPORTS_TO,
    CONF_URL,
    "serial_number",
    "user_id",
    "user_name",
    "overridden_by",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: NightlatchConfigEntry
) -> dict[str, Any]:
    """Return what is known of all feeds and locks."""
    runtime = entry.runtime_data
    feeds = {feed.subentry_id: _feed(feed) for feed in runtime.feeds.values()}
    locks = {
        lock.subentry_id: _lock(lock, runtime.planner.plan(lock))
        for lock in runtime.locks.values()
    }
    return {
        "trusted_time": runtime.store.trust.time,
        "generation": runtime.store.generation,
        "vault": describe_vault(
            runtime.vault, runtime.upkeep, runtime.store, runtime.audit
        ),
        "feeds": async_redact_data(feeds, _REDACTED),
        "locks": async_redact_data(locks, _REDACTED),
    }


def _feed(feed: FeedCoordinator) -> dict[str, Any]:
    content = feed.data
    host = str(URL(feed.source[CONF_URL]).host)
    return {
        **feed.source,
        "trouble": feed.trouble,
        "error_details": feed.error.details if feed.error else None,
        "content": content
        and {
            "vendor": content.vendor,
            "checked_at": content.checked_at,
            "expires_at": content.expires_at,
            "models": [model.model for model in content.models],
            "releases": [
                {
                    "model": release.model,
                    "version": release.version.text,
                    "sha256": release.key,
                }
                for release in content.releases
            ],
            "refused": [line.replace(host, REDACTED) for line in content.refused],
        },
    }


def _lock(lock: ManagedLock, plan: Plan) -> dict[str, Any]:
    return {
        "kind": lock.kind.name,
        CONF_ADDRESS: lock.kind.key,
        "feed": lock.feed_id,
        "record": lock.record.to_dict(),
        "links": asdict(lock.links),
        "policy": asdict(lock.policy),
        "decisions": lock.decisions.to_dict(),
        "plan": {
            "starts_at": plan.starts_at,
            "waiting": plan.waiting,
            "window_end": plan.window_end,
        },
        "held": [asdict(check) for check in lock.held],
        "paired_with": lock.kind.radio().paired_with,
        "in_bootloader": lock.in_bootloader,
        "release": lock.release.version.text if lock.release else None,
        "progress": asdict(lock.progress) if lock.progress else None,
    }
