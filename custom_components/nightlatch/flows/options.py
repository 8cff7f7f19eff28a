"""Options of the household: quiet hours, the night, and who is told what."""

from collections.abc import Mapping
from datetime import time, timedelta
from itertools import islice
from typing import Any

import probatio

from homeassistant.components.notify import DOMAIN as NOTIFY_DOMAIN
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TimeSelector,
)
from homeassistant.util import dt as dt_util

from ..const import (
    CONF_END,
    CONF_EVERYTHING,
    CONF_GATE_ENTITY,
    CONF_HOLD_ENTITY,
    CONF_INDEXES,
    CONF_LEARN,
    CONF_LEARN_END,
    CONF_LEARN_START,
    CONF_LEARN_WITHIN,
    CONF_NOTICE_AT,
    CONF_NOTIFY,
    CONF_PANEL,
    CONF_PHONES,
    CONF_QUIET_HOURS,
    CONF_SOAK_DAYS,
    CONF_START,
    CONF_TWO_ENTRY_DOORS,
    CONF_WEEKDAYS,
)
from ..core.feeds.public_index import IndexName
from ..core.schedule.proposal import fits, room_for
from ..core.schedule.quiet_hours import QuietHours
from ..markup import Composed, listed, neutral_all
from ..monitoring.door_use import USUAL
from ..runtime import async_get_runtime
from ..settings import (
    parse_gate,
    parse_hold,
    parse_household_policy,
    parse_indexes,
    parse_learn,
    parse_learn_within,
    parse_panel,
    parse_people,
    quiet_hours_from_form,
    quiet_hours_to_form,
)
from ..translation import label_now
from .report import ReportSteps

WEEKDAY_SELECTOR = SelectSelector(
    SelectSelectorConfig(
        options=[str(day) for day in range(7)],
        multiple=True,
        mode=SelectSelectorMode.LIST,
        translation_key="weekday",
    )
)
_LONGEST_SOAK = 90
SOAK_DAYS = NumberSelector(
    NumberSelectorConfig(min=0, max=_LONGEST_SOAK, mode=NumberSelectorMode.BOX)
)
QUIET_HOURS_FIELDS = {
    probatio.Required(CONF_WEEKDAYS): WEEKDAY_SELECTOR,
    probatio.Required(CONF_START): TimeSelector(),
    probatio.Required(CONF_END): TimeSelector(),
}
CONDITION_DOMAINS = ["binary_sensor", "calendar", "input_boolean", "schedule"]
_SHOWN_WINDOWS = 3
_MINUTE = timedelta(minutes=1)


class HouseholdOptionsFlow(ReportSteps):
    """Changes what holds for all locks."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what to change."""
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                "quiet_hours",
                "night",
                "people",
                "indexes",
                "panel",
                "vault",
                "audit",
                "report",
            ],
        )

    async def async_step_quiet_hours(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask when automatic installations may run."""
        options = self.config_entry.options
        errors: dict[str, str] = {}
        hours = parse_household_policy(options).quiet_hours
        within, needed = parse_learn_within(options), self._room
        if user_input is not None:
            hours = quiet_hours_from_form(user_input)
            within = QuietHours(
                start=_time_of(user_input, CONF_LEARN_START, within.start),
                end=_time_of(user_input, CONF_LEARN_END, within.end),
            )
            if not hours.weekdays:
                errors[CONF_WEEKDAYS] = "no_weekday"
            if within.start == within.end:
                errors[CONF_LEARN_END] = "learn_equal_ends"
            elif not fits(within, needed):
                errors[CONF_LEARN_END] = "learn_too_short"
            if not errors:
                return self._save(
                    {
                        CONF_QUIET_HOURS: hours.to_dict(),
                        CONF_GATE_ENTITY: user_input.get(CONF_GATE_ENTITY),
                        CONF_HOLD_ENTITY: user_input.get(CONF_HOLD_ENTITY),
                        CONF_LEARN: user_input.get(CONF_LEARN, parse_learn(options)),
                        CONF_LEARN_WITHIN: within.to_dict(),
                    }
                )
        schema = probatio.Schema(
            {
                **QUIET_HOURS_FIELDS,
                probatio.Optional(CONF_GATE_ENTITY): EntitySelector(
                    EntitySelectorConfig(domain=CONDITION_DOMAINS)
                ),
                probatio.Optional(CONF_HOLD_ENTITY): EntitySelector(
                    EntitySelectorConfig(domain=CONDITION_DOMAINS)
                ),
                probatio.Optional(CONF_LEARN): BooleanSelector(),
                probatio.Optional(CONF_LEARN_START): TimeSelector(),
                probatio.Optional(CONF_LEARN_END): TimeSelector(),
            }
        )
        shown = {
            **quiet_hours_to_form(hours),
            CONF_GATE_ENTITY: parse_gate(options),
            CONF_HOLD_ENTITY: parse_hold(options),
            CONF_LEARN: parse_learn(options),
            CONF_LEARN_START: within.start.isoformat(),
            CONF_LEARN_END: within.end.isoformat(),
        }
        return self.async_show_form(
            step_id="quiet_hours",
            data_schema=self.add_suggested_values_to_schema(schema, _known(shown)),
            errors=errors,
            description_placeholders=neutral_all(
                {
                    "windows": _windows(self.hass, hours),
                    "minutes": str(room_for(needed) // _MINUTE),
                }
            ),
        )

    @property
    def _room(self) -> timedelta:
        """Return what hours have to have room for that are suggested."""
        runtime = async_get_runtime(self.hass)
        return USUAL if runtime is None else runtime.door_use.expected

    async def async_step_night(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask how careful a night is to be."""
        if user_input is not None:
            return self._save(
                {
                    **user_input,
                    CONF_SOAK_DAYS: int(user_input[CONF_SOAK_DAYS]),
                }
            )
        policy = parse_household_policy(self.config_entry.options)
        schema = probatio.Schema(
            {
                probatio.Required(CONF_NOTICE_AT): TimeSelector(),
                probatio.Required(CONF_SOAK_DAYS): SOAK_DAYS,
                probatio.Required(CONF_TWO_ENTRY_DOORS): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="night",
            data_schema=self.add_suggested_values_to_schema(
                schema,
                {
                    CONF_NOTICE_AT: policy.notice_at.isoformat(),
                    CONF_SOAK_DAYS: policy.soak_days,
                    CONF_TWO_ENTRY_DOORS: policy.two_entry_doors,
                },
            ),
        )

    async def async_step_people(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who is told, and how much."""
        if user_input is not None:
            return self._save(user_input)
        people = parse_people(self.config_entry.options)
        schema = probatio.Schema(
            {
                probatio.Optional(CONF_PHONES, default=list): SelectSelector(
                    SelectSelectorConfig(
                        options=sorted({*_phones(self.hass), *people.phones}),
                        multiple=True,
                        mode=SelectSelectorMode.DROPDOWN,
                    )
                ),
                probatio.Optional(CONF_NOTIFY, default=list): EntitySelector(
                    EntitySelectorConfig(domain=NOTIFY_DOMAIN, multiple=True)
                ),
                probatio.Required(CONF_EVERYTHING): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="people",
            data_schema=self.add_suggested_values_to_schema(
                schema,
                {
                    CONF_PHONES: list(people.phones),
                    CONF_NOTIFY: list(people.notify),
                    CONF_EVERYTHING: people.everything,
                },
            ),
        )

    async def async_step_indexes(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which public indexes may learn of the locks in this home."""
        if user_input is not None:
            return self._save(user_input)
        schema = probatio.Schema(
            {
                probatio.Optional(CONF_INDEXES, default=list): SelectSelector(
                    SelectSelectorConfig(
                        options=list(IndexName),
                        multiple=True,
                        mode=SelectSelectorMode.LIST,
                        translation_key="index",
                    )
                )
            }
        )
        wanted = sorted(parse_indexes(self.config_entry.options))
        return self.async_show_form(
            step_id="indexes",
            data_schema=self.add_suggested_values_to_schema(
                schema, {CONF_INDEXES: wanted}
            ),
        )

    async def async_step_panel(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether the sidebar shall have a panel."""
        if user_input is not None:
            return self._save(user_input)
        schema = probatio.Schema({probatio.Required(CONF_PANEL): BooleanSelector()})
        shown = parse_panel(self.config_entry.options)
        return self.async_show_form(
            step_id="panel",
            data_schema=self.add_suggested_values_to_schema(
                schema, {CONF_PANEL: shown}
            ),
        )


def _time_of(values: Mapping[str, Any], key: str, default: time) -> time:
    return time.fromisoformat(values[key]) if key in values else default


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _windows(hass: HomeAssistant, hours: QuietHours) -> Composed:
    """Return the next windows as they are on the wall, for people to check."""
    zone = dt_util.get_default_time_zone()
    windows = islice(hours.windows(dt_util.utcnow(), zone), _SHOWN_WINDOWS)
    return listed(
        f"{label_now(hass, 'weekday', str(start.weekday()))} "
        f"{start.date().isoformat()}, {start:%H:%M} - {end:%H:%M}"
        for start, end in (
            (window.start.astimezone(zone), window.end.astimezone(zone))
            for window in windows
        )
    )


def _phones(hass: HomeAssistant) -> list[str]:
    """Return the notify actions of phones that there are now."""
    return [
        action
        for action in hass.services.async_services_for_domain(NOTIFY_DOMAIN)
        if action.startswith("mobile_app_")
    ]
