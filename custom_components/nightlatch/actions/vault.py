"""The action that tests the vault."""

from typing import Any

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError

from ..const import DOMAIN
from ..core.errors import NightlatchError
from ..core.vault.kept import Kept
from ..runtime import async_get_runtime
from ..translation import async_as_home_assistant_error, async_describe
from .registration import async_register_household_action


@callback
def async_setup_vault_actions(hass: HomeAssistant) -> None:
    """Register the action."""

    async def test(call: ServiceCall) -> ServiceResponse:
        return await _async_test(hass)

    async_register_household_action(hass, "test_vault", test, SupportsResponse.OPTIONAL)


async def _async_test(hass: HomeAssistant) -> dict[str, Any]:
    """Test every copy now, and return what was found."""
    if (runtime := async_get_runtime(hass)) is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="not_loaded"
        )
    try:
        report = await runtime.upkeep.async_test_now()
    except NightlatchError as err:
        raise await async_as_home_assistant_error(hass, err) from err
    places = {}
    for name, place in report.places.items():
        places[name] = {
            "copies": place.blobs,
            "merged": place.merged,
            "foreign": place.foreign,
            "trouble": (
                await async_describe(hass, place.error) if place.error else None
            ),
        }
    return {
        "places": places,
        "sound": report.sound,
        "replaced": [
            {**_what(each.kept), "place": each.place, "from": str(each.source)}
            for each in report.replaced
        ],
        "damaged": [
            {
                **_what(each.kept),
                "place": each.place,
                "message": await async_describe(hass, each.error),
            }
            for each in report.damaged
        ],
        "unproven": [
            {**_what(each.kept), "message": await async_describe(hass, each.error)}
            for each in report.unproven
        ],
    }


def _what(kept: Kept | None) -> dict[str, Any]:
    if kept is None:
        return {"model": None, "version": None, "sha256": None}
    binding = kept.binding
    return {
        "model": binding.model,
        "version": binding.version,
        "sha256": binding.sha256,
    }
