"""Repairs for what the owner has named as a condition, and what is not there any more."""

from collections.abc import Iterator

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from ..adapters.situation import is_started
from ..const import CONF_GATE_ENTITY, CONF_HOLD_ENTITY
from ..household_settings import HouseholdSettings
from ..issue import Issue

FLOW = "condition"


def issues_of_conditions(
    hass: HomeAssistant, settings: HouseholdSettings
) -> Iterator[Issue]:
    """Return which of them keeps all locks waiting for ever."""
    if not is_started(hass):
        # What is not registered comes only when its integration has started.
        return
    for option, key, entity_id in (
        (CONF_GATE_ENTITY, "gate_gone", settings.gate_entity),
        (CONF_HOLD_ENTITY, "hold_gone", settings.hold_entity),
    ):
        if entity_id is not None and _is_gone(hass, entity_id):
            yield Issue(
                key=key,
                placeholders={"entity": entity_id},
                data={FLOW: option, "was": entity_id},
            )


def _is_gone(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether it was removed, or disabled; one that is silent may come back."""
    if hass.states.get(entity_id) is not None:
        return False
    registered = er.async_get(hass).async_get(entity_id)
    return registered is None or registered.disabled
