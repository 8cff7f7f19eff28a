"""The action that tells how all locks stand, with a link to the same as a page."""

from typing import Any

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..report.content import async_report
from ..report.link import PATH, VALID, async_link
from ..runtime import async_get_runtime
from ..translation import async_told_in
from .registration import async_register_household_action


@callback
def async_setup_report_action(hass: HomeAssistant) -> None:
    """Register the action."""

    async def export(call: ServiceCall) -> ServiceResponse:
        return await _async_export(hass, call)

    async_register_household_action(
        hass, "export_report", export, SupportsResponse.ONLY
    )


async def _async_export(hass: HomeAssistant, call: ServiceCall) -> dict[str, Any]:
    """Return the report, and a link to the page."""
    if (runtime := async_get_runtime(hass)) is None:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="report_not_loaded"
        )
    async with async_told_in(hass, None):
        report = await async_report(hass, runtime)
    answer: dict[str, Any] = {**report, "url": PATH, "valid_until": None}
    if call.context.user_id is not None:
        # As with the audit log: a link has the rights of whoever asks for it.
        answer["url"] = async_link(hass)
        answer["valid_until"] = (dt_util.utcnow() + VALID).isoformat()
    return answer
