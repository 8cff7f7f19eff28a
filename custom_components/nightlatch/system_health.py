"""System health: what a helper asks first, counted; no names, no addresses."""

from collections import Counter
from typing import Any

from homeassistant.components import system_health
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration

from .adapters.zone_data import read_zone_data
from .const import DOMAIN
from .monitoring.health import needs_attention
from .runtime import async_get_runtime
from .translation import or_not_known


@callback
def async_register(
    hass: HomeAssistant, register: system_health.SystemHealthRegistration
) -> None:
    """Let Home Assistant ask."""
    register.async_register_info(_async_info)


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return what there is to say, each in one line."""
    zones = await hass.async_add_executor_job(read_zone_data)
    told: dict[str, Any] = {
        "version": str((await async_get_integration(hass, DOMAIN)).version),
        "home_assistant": __version__,
        "zone_data": or_not_known(hass, zones.used),
        "zone_data_old": zones.brought if zones.is_old else False,
        "running": False,
    }
    if (runtime := async_get_runtime(hass)) is None:
        return told
    locks, feeds = runtime.locks.values(), runtime.feeds.values()
    kinds = Counter(str(lock.kind.name) for lock in locks)
    return {
        **told,
        "running": True,
        "locks": ", ".join(f"{kinds[each]} {each}" for each in sorted(kinds)) or 0,
        "locks_to_look_at": sum(map(needs_attention, locks)),
        "installing": sum(lock.progress is not None for lock in locks),
        "feeds": len(feeds),
        "feed_troubles": ", ".join(
            sorted({str(feed.trouble) for feed in feeds if feed.trouble})
        )
        or 0,
        "vault": str(problem.reason) if (problem := runtime.vault.problem) else "ok",
        "saved": runtime.store.problem is None,
    }
