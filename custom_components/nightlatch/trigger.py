"""Triggers: what happens to the firmware of a lock, for automations.

They follow the event entity of a lock, so every target that Home Assistant knows
(entity, device, area, label) works.
"""

from typing import override

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN
from homeassistant.components.event.const import ATTR_EVENT_TYPE
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.automation import DomainSpec
from homeassistant.helpers.trigger import (
    NotTriggeredReasonReporter,
    StatelessEntityTriggerBase,
    Trigger,
)

from .const import DOMAIN
from .events import Happening


class HappeningTrigger(StatelessEntityTriggerBase):
    """Fires when one kind of thing has happened to a lock."""

    _domain_specs = {EVENT_DOMAIN: DomainSpec()}
    happening: Happening

    @override
    def entity_filter(self, entities: set[str]) -> set[str]:
        """Leave only the events of our locks."""
        registry = er.async_get(self._hass)
        return {
            entity_id
            for entity_id in super().entity_filter(entities)
            if (entry := registry.async_get(entity_id)) is not None
            and entry.platform == DOMAIN
        }

    @override
    def is_valid_state(
        self, state: State, report_not_triggered: NotTriggeredReasonReporter
    ) -> bool:
        """Return whether it is what this trigger waits for."""
        return state.attributes.get(ATTR_EVENT_TYPE) == self.happening


def _trigger_for(happening: Happening) -> type[Trigger]:
    return type(
        f"{happening.name.title()}Trigger",
        (HappeningTrigger,),
        {"happening": happening},
    )


TRIGGERS: dict[str, type[Trigger]] = {
    happening: _trigger_for(happening)
    for happening in (
        Happening.ANNOUNCED,
        Happening.STARTED,
        Happening.INSTALLED,
        Happening.FAILED,
        Happening.ROLLED_BACK,
        Happening.HELD,
        Happening.MANUAL_STEP_NEEDED,
    )
}


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return TRIGGERS
