"""Diagnostics: everything that helps with a problem, and nothing that opens a door."""

from dataclasses import asdict
from typing import Any

from yarl import URL

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.const import CONF_ADDRESS, CONF_HOST, CONF_URL
from homeassistant.core import HomeAssistant

from .coordinator import FeedCoordinator
from .household import NightlatchConfigEntry
from .locks import ManagedLock
from .vault_diagnostics import describe_vault

# Address and serial number tell one door from all others; the URL may tell a customer,
# and who has approved what is nobody else's business.
_REDACTED = {
    CONF_ADDRESS,
    CONF_HOST,
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
    household = entry.runtime_data
    feeds = {feed.subentry_id: _feed(feed) for feed in household.feeds.values()}
    locks = {lock.subentry_id: _lock(lock) for lock in household.locks.values()}
    return {
        "trusted_time": household.store.trust.time,
        "generation": household.store.generation,
        "vault": describe_vault(household),
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


def _lock(lock: ManagedLock) -> dict[str, Any]:
    return {
        "kind": lock.kind.name,
        CONF_ADDRESS: lock.kind.key,
        "feed": lock.feed_id,
        "record": lock.record.to_dict(),
        "links": asdict(lock.links),
        "policy": asdict(lock.policy),
        "decisions": lock.decisions.to_dict(),
        "plan": {
            "starts_at": lock.plan.starts_at,
            "waiting": lock.plan.waiting,
            "window_end": lock.plan.window_end,
        },
        "held": [asdict(check) for check in lock.held],
        "in_bootloader": lock.in_bootloader,
        "release": lock.release.version.text if lock.release else None,
        "progress": asdict(lock.progress) if lock.progress else None,
    }
