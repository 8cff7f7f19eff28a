"""Subentry flow for a lock: pick it, let it say what it is, link what belongs to it."""

from collections.abc import Mapping
from dataclasses import asdict
import re
from typing import Any

import probatio

from homeassistant.components import bluetooth
from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.data_entry_flow import SectionConfig, section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.util import dt as dt_util

from .adapters.bluetooth import as_advertisement
from .const import (
    CONF_APPROVAL,
    CONF_BATTERY_ENTITY,
    CONF_CONSENT,
    CONF_DOOR_ENTITY,
    CONF_FEED,
    CONF_IDENTITY,
    CONF_IMPORTANCE,
    CONF_LOCK_ENTITY,
    CONF_MAY_MOVE_BOLT,
    CONF_MODE,
    CONF_NO_DOOR_SENSOR,
    CONF_QUIET_HOURS,
    CONF_SECOND_ENTRY,
    CONF_WEEKDAYS,
    SUBENTRY_LOCK,
)
from .coordinator import FeedCoordinator
from .core.discovery import matches
from .core.errors import TransportError
from .core.model import LockIdentity, Model
from .core.records.decisions import Consent
from .core.records.lock_record import identity_from_dict
from .core.schedule.policy import ApprovalNeed, Importance, Mode
from .core.schedule.quiet_hours import QuietHours
from .core.transports.base import Advertisement
from .core.transports.device_information import read_identity
from .household import Household
from .messages import async_describe
from .options_flow import QUIET_HOURS_FIELDS
from .settings import (
    consent_as_dict,
    parse_links,
    parse_lock_policy,
    quiet_hours_from_form,
    quiet_hours_to_form,
)

_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")


def _choice(key: str, options: list[str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[str(option) for option in options], translation_key=key
        )
    )


_DOOR_CLASSES = ["door", "garage_door", "opening", "window"]
_SECTION_DOOR = "door"
_SECTION_UPDATES = "updates"
_SECTION_QUIET_HOURS = "own_quiet_hours"
_OWN = "own"

_DETAILS = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TextSelector(),
        probatio.Optional(CONF_LOCK_ENTITY): EntitySelector(
            EntitySelectorConfig(domain="lock")
        ),
        probatio.Optional(CONF_BATTERY_ENTITY): EntitySelector(
            EntitySelectorConfig(
                domain=["sensor", "binary_sensor"], device_class="battery"
            )
        ),
        probatio.Required(_SECTION_DOOR): section(
            probatio.Schema(
                {
                    probatio.Optional(CONF_DOOR_ENTITY): EntitySelector(
                        EntitySelectorConfig(
                            domain="binary_sensor", device_class=_DOOR_CLASSES
                        )
                    ),
                    probatio.Required(
                        CONF_NO_DOOR_SENSOR, default=False
                    ): BooleanSelector(),
                    probatio.Required(
                        CONF_SECOND_ENTRY, default=False
                    ): BooleanSelector(),
                    probatio.Required(
                        CONF_IMPORTANCE, default=Importance.ENTRY.name.lower()
                    ): _choice(
                        CONF_IMPORTANCE,
                        [
                            importance.name.lower()
                            for importance in reversed(Importance)
                        ],
                    ),
                }
            )
        ),
        probatio.Required(_SECTION_UPDATES): section(
            probatio.Schema(
                {
                    probatio.Required(CONF_MODE, default=str(Mode.ASK)): _choice(
                        CONF_MODE, list(Mode)
                    ),
                    probatio.Required(CONF_CONSENT, default=False): BooleanSelector(),
                    probatio.Required(
                        CONF_APPROVAL, default=str(ApprovalNeed.NONE)
                    ): _choice(CONF_APPROVAL, list(ApprovalNeed)),
                    probatio.Required(
                        CONF_MAY_MOVE_BOLT, default=False
                    ): BooleanSelector(),
                }
            ),
            SectionConfig(collapsed=True),
        ),
        probatio.Required(_SECTION_QUIET_HOURS): section(
            probatio.Schema(
                {
                    probatio.Required(_OWN, default=False): BooleanSelector(),
                    **QUIET_HOURS_FIELDS,
                }
            ),
            SectionConfig(collapsed=True),
        ),
    }
)


class LockFlow(ConfigSubentryFlow):
    """Adds a lock, or changes what it is linked to."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._address: str
        self._identity: LockIdentity
        self._model: Model
        self._feed: FeedCoordinator

    @property
    def _quiet_hours(self) -> QuietHours:
        return self._household.policy.quiet_hours

    @property
    def _household(self) -> Household:
        household: Household = self._get_entry().runtime_data
        return household

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer the locks in range; an address may be typed as well."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        if not self._household.feeds:
            return self.async_abort(reason="no_feed")
        errors: dict[str, str] = {}
        problem = ""
        if user_input is not None:
            self._address = user_input[CONF_ADDRESS].strip().upper()
            if not _ADDRESS.fullmatch(self._address):
                errors[CONF_ADDRESS] = "address_invalid"
            elif self._address in self._configured():
                return self.async_abort(reason="already_configured")
            else:
                try:
                    self._identity = await read_identity(
                        self._household.radio, self._address, self._address
                    )
                except TransportError as err:
                    errors["base"] = "lock_refused"
                    problem = await async_describe(self.hass, err, lock=self._address)
                else:
                    if self._find_model():
                        return await self.async_step_details()
                    errors["base"] = "model_unknown"
                    problem = self._identity.model
        options = self._locks_in_range()
        if not options:
            # A name may be told only to a scanner that asks, which takes some seconds.
            await bluetooth.async_request_active_scan(self.hass)
            options = self._locks_in_range()
        schema = probatio.Schema(
            {
                probatio.Required(CONF_ADDRESS): SelectSelector(
                    SelectSelectorConfig(
                        options=options,
                        custom_value=True,
                        mode=SelectSelectorMode.DROPDOWN,
                    )
                )
            }
        )
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(schema, user_input or {}),
            errors=errors,
            description_placeholders={"problem": problem},
        )

    def _configured(self) -> set[str]:
        return {
            subentry.data[CONF_ADDRESS]
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_type == SUBENTRY_LOCK
        }

    def _locks_in_range(self) -> list[SelectOptionDict]:
        options = []
        for info in bluetooth.async_discovered_service_info(self.hass):
            seen = as_advertisement(info)
            model = self._model_of(seen)
            if model is not None and seen.address not in self._configured():
                label = (
                    f"{seen.local_name or model.name} ({model.name}, {seen.address})"
                )
                options.append(SelectOptionDict(value=seen.address, label=label))
        return sorted(options, key=lambda option: option["label"])

    def _model_of(self, seen: Advertisement) -> Model | None:
        return next(
            (
                model
                for feed in self._household.feeds.values()
                if feed.data is not None
                for model in feed.data.models
                if matches(model.bluetooth, seen)
            ),
            None,
        )

    def _find_model(self) -> bool:
        """Find the feed that knows the model that the lock says it is."""
        for feed in self._household.feeds.values():
            for model in feed.data.models if feed.data else ():
                if model.model == self._identity.model:
                    self._feed = feed
                    self._model = model
                    return True
        return False

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the name, and what else in Home Assistant belongs to this lock."""
        errors = {} if user_input is None else _errors(user_input)
        if user_input is None or errors:
            return self.async_show_form(
                step_id="details",
                data_schema=self.add_suggested_values_to_schema(
                    _DETAILS,
                    user_input or _as_form({}, self._model.name, self._quiet_hours),
                ),
                errors=errors,
                description_placeholders={
                    "model": self._model.name,
                    "hardware": self._identity.hardware_revision or "?",
                    "version": self._identity.firmware_version,
                    "feed": self._feed.title,
                },
            )
        return self.async_create_entry(
            title=user_input[CONF_NAME],
            data={
                CONF_ADDRESS: self._address,
                CONF_FEED: self._feed.subentry_id,
                CONF_IDENTITY: asdict(self._identity),
                **_as_data(user_input, {}),
            },
            unique_id=self._address,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the name and the links; what the lock is, it says itself."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        subentry = self._get_reconfigure_subentry()
        known = subentry.data
        errors = {} if user_input is None else _errors(user_input)
        if user_input is None or errors:
            return self.async_show_form(
                step_id="reconfigure",
                data_schema=self.add_suggested_values_to_schema(
                    _DETAILS,
                    user_input or _as_form(known, subentry.title, self._quiet_hours),
                ),
                errors=errors,
            )
        kept = {key: known[key] for key in (CONF_ADDRESS, CONF_FEED, CONF_IDENTITY)}
        self._identity = identity_from_dict(known[CONF_IDENTITY])
        if known[CONF_FEED] not in self._household.feeds and self._find_model():
            # Its feed was removed, and perhaps added again.
            kept[CONF_FEED] = self._feed.subentry_id
        return self.async_update_and_abort(
            self._get_entry(),
            subentry,
            title=user_input[CONF_NAME],
            data={**kept, **_as_data(user_input, known)},
        )


def _errors(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person must still say; a section's fields cannot have errors."""
    door, updates = values[_SECTION_DOOR], values[_SECTION_UPDATES]
    hours = values[_SECTION_QUIET_HOURS]
    if bool(door.get(CONF_DOOR_ENTITY)) is door[CONF_NO_DOOR_SENSOR]:
        return {"base": "door_not_said"}
    if updates[CONF_MODE] == Mode.AUTOMATIC and not updates[CONF_CONSENT]:
        return {"base": "consent_missing"}
    if hours[_OWN] and not hours[CONF_WEEKDAYS]:
        return {"base": "no_weekday"}
    return {}


def _as_form(
    data: Mapping[str, Any], name: str, quiet_hours: QuietHours
) -> dict[str, Any]:
    """Return what is known of a lock as the form shows it."""
    policy, links = parse_lock_policy(data), parse_links(data)
    return {
        CONF_NAME: name,
        CONF_LOCK_ENTITY: links.lock_entity,
        CONF_BATTERY_ENTITY: links.battery_entity,
        _SECTION_DOOR: {
            CONF_DOOR_ENTITY: links.door_entity,
            CONF_NO_DOOR_SENSOR: policy.has_door_sensor is False,
            CONF_SECOND_ENTRY: policy.second_entry,
            CONF_IMPORTANCE: policy.importance.name.lower(),
        },
        _SECTION_UPDATES: {
            CONF_MODE: policy.mode,
            CONF_CONSENT: policy.consent is not None,
            CONF_APPROVAL: policy.approval,
            CONF_MAY_MOVE_BOLT: policy.may_move_bolt,
        },
        _SECTION_QUIET_HOURS: {
            _OWN: policy.quiet_hours is not None,
            **quiet_hours_to_form(policy.quiet_hours or quiet_hours),
        },
    }


def _as_data(values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form says, as it is kept; without what is not said."""
    door, updates = values[_SECTION_DOOR], values[_SECTION_UPDATES]
    hours = values[_SECTION_QUIET_HOURS]
    data = {
        CONF_LOCK_ENTITY: values.get(CONF_LOCK_ENTITY),
        CONF_BATTERY_ENTITY: values.get(CONF_BATTERY_ENTITY),
        CONF_DOOR_ENTITY: door.get(CONF_DOOR_ENTITY),
        CONF_NO_DOOR_SENSOR: door[CONF_NO_DOOR_SENSOR],
        CONF_SECOND_ENTRY: door[CONF_SECOND_ENTRY],
        CONF_IMPORTANCE: door[CONF_IMPORTANCE],
        CONF_MODE: updates[CONF_MODE],
        CONF_APPROVAL: updates[CONF_APPROVAL],
        CONF_MAY_MOVE_BOLT: updates[CONF_MAY_MOVE_BOLT],
        CONF_QUIET_HOURS: (
            quiet_hours_from_form(hours).to_dict() if hours[_OWN] else None
        ),
    }
    if updates[CONF_MODE] == Mode.AUTOMATIC:
        # Home Assistant does not tell a flow who fills it in.
        consent = Consent(user_id=None, user_name=None, at=dt_util.utcnow())
        data[CONF_CONSENT] = known.get(CONF_CONSENT) or consent_as_dict(consent)
    return {key: value for key, value in data.items() if value is not None}
