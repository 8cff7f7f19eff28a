"""The form for a lock: what a person sets, to what is kept and back."""

from collections.abc import Mapping
from typing import Any

import probatio

from homeassistant.const import CONF_NAME
from homeassistant.data_entry_flow import SectionConfig, section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
)
from homeassistant.util import dt as dt_util

from ..const import (
    CONF_APPROVAL,
    CONF_BATTERY_ENTITY,
    CONF_CONSENT,
    CONF_DOOR_ENTITY,
    CONF_IMPORTANCE,
    CONF_LOCK_ENTITY,
    CONF_MAY_MOVE_BOLT,
    CONF_MODE,
    CONF_NO_BATTERY,
    CONF_NO_DOOR_SENSOR,
    CONF_NOT_LOW_SUFFICES,
    CONF_QUIET_HOURS,
    CONF_SECOND_ENTRY,
    CONF_SOAK_DAYS,
    CONF_UPDATE_ENTITY,
    CONF_VERSION_ENTITY,
    CONF_WEEKDAYS,
)
from ..core.model import LockKind
from ..core.records.decisions import Consent
from ..core.schedule.policy import ApprovalNeed, HouseholdPolicy, Importance, Mode
from ..core.schedule.quiet_hours import QuietHours
from ..discovery.candidates import BATTERY, DOOR_CLASSES
from ..settings import (
    consent_as_dict,
    parse_links,
    parse_lock_policy,
    quiet_hours_from_form,
    quiet_hours_to_form,
)
from .options import QUIET_HOURS_FIELDS, SOAK_DAYS


def _choice(key: str, options: list[str]) -> SelectSelector:
    return SelectSelector(
        SelectSelectorConfig(
            options=[str(option) for option in options], translation_key=key
        )
    )


_SECTION_DOOR = "door"
_SECTION_UPDATES = "updates"
_SECTION_QUIET_HOURS = "own_quiet_hours"
_OWN = "own"
# Nothing is installed by itself on a lock that only a person can update.
_NOT_BY_HAND = {CONF_NOT_LOW_SUFFICES, _SECTION_UPDATES, _SECTION_QUIET_HOURS}

_LOCK_ENTITY = EntitySelector(EntitySelectorConfig(domain="lock"))
_OF_THE_KIND: dict[LockKind, dict[probatio.Marker, Any]] = {
    LockKind.DIRECT: {probatio.Optional(CONF_LOCK_ENTITY): _LOCK_ENTITY},
    LockKind.GUARDED: {
        probatio.Required(CONF_UPDATE_ENTITY): EntitySelector(
            EntitySelectorConfig(domain="update")
        ),
        probatio.Optional(CONF_LOCK_ENTITY): _LOCK_ENTITY,
    },
    LockKind.WATCHED: {
        probatio.Required(CONF_LOCK_ENTITY): _LOCK_ENTITY,
        probatio.Optional(CONF_VERSION_ENTITY): EntitySelector(
            EntitySelectorConfig(domain=["sensor", "update"])
        ),
    },
}
_OF_ALL_KINDS: dict[probatio.Marker, Any] = {
    probatio.Optional(CONF_BATTERY_ENTITY): EntitySelector(
        EntitySelectorConfig(domain=["sensor", "binary_sensor"], device_class=BATTERY)
    ),
    probatio.Required(CONF_NO_BATTERY, default=False): BooleanSelector(),
    probatio.Required(CONF_NOT_LOW_SUFFICES, default=False): BooleanSelector(),
    probatio.Required(_SECTION_DOOR): section(
        probatio.Schema(
            {
                probatio.Optional(CONF_DOOR_ENTITY): EntitySelector(
                    EntitySelectorConfig(
                        domain="binary_sensor", device_class=list(DOOR_CLASSES)
                    )
                ),
                probatio.Required(
                    CONF_NO_DOOR_SENSOR, default=False
                ): BooleanSelector(),
                probatio.Required(CONF_SECOND_ENTRY, default=False): BooleanSelector(),
                probatio.Required(
                    CONF_IMPORTANCE, default=Importance.ENTRY.name.lower()
                ): _choice(
                    CONF_IMPORTANCE,
                    [importance.name.lower() for importance in reversed(Importance)],
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
                probatio.Optional(CONF_SOAK_DAYS): SOAK_DAYS,
                probatio.Required(CONF_MAY_MOVE_BOLT, default=False): BooleanSelector(),
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


def details_schema(kind: LockKind) -> probatio.Schema:
    """Return what is asked of a lock of a kind."""
    return probatio.Schema(
        {
            probatio.Required(CONF_NAME): TextSelector(),
            **_OF_THE_KIND[kind],
            **{
                key: selector
                for key, selector in _OF_ALL_KINDS.items()
                if kind is not LockKind.WATCHED or str(key) not in _NOT_BY_HAND
            },
        }
    )


def form_errors(values: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person must still say; a section's fields cannot have errors."""
    values = _complete(values, {})
    door, updates = values[_SECTION_DOOR], values[_SECTION_UPDATES]
    hours = values[_SECTION_QUIET_HOURS]
    if values.get(CONF_BATTERY_ENTITY) and values.get(CONF_NO_BATTERY):
        return {"base": "battery_said_twice"}
    if bool(door.get(CONF_DOOR_ENTITY)) is door[CONF_NO_DOOR_SENSOR]:
        return {"base": "door_not_said"}
    if updates[CONF_MODE] == Mode.AUTOMATIC and not updates[CONF_CONSENT]:
        return {"base": "consent_missing"}
    if hours[_OWN] and not hours[CONF_WEEKDAYS]:
        return {"base": "no_weekday"}
    return {}


def as_form(
    data: Mapping[str, Any], name: str, quiet_hours: QuietHours
) -> dict[str, Any]:
    """Return what is known of a lock as the form shows it."""
    policy, links = parse_lock_policy(data), parse_links(data)
    return {
        CONF_NAME: name,
        CONF_LOCK_ENTITY: links.lock_entity,
        CONF_UPDATE_ENTITY: data.get(CONF_UPDATE_ENTITY),
        CONF_VERSION_ENTITY: data.get(CONF_VERSION_ENTITY),
        CONF_BATTERY_ENTITY: links.battery_entity,
        CONF_NO_BATTERY: not policy.has_battery,
        CONF_NOT_LOW_SUFFICES: policy.not_low_suffices,
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
            CONF_SOAK_DAYS: policy.soak_days,
            CONF_MAY_MOVE_BOLT: policy.may_move_bolt,
        },
        _SECTION_QUIET_HOURS: {
            _OWN: policy.quiet_hours is not None,
            **quiet_hours_to_form(policy.quiet_hours or quiet_hours),
        },
    }


def as_data(values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form says, as it is kept; without what is not said."""
    values = _complete(values, known)
    door, updates = values[_SECTION_DOOR], values[_SECTION_UPDATES]
    hours, soak_days = values[_SECTION_QUIET_HOURS], updates.get(CONF_SOAK_DAYS)
    data = {
        CONF_LOCK_ENTITY: values.get(CONF_LOCK_ENTITY),
        CONF_UPDATE_ENTITY: values.get(CONF_UPDATE_ENTITY),
        CONF_VERSION_ENTITY: values.get(CONF_VERSION_ENTITY),
        CONF_BATTERY_ENTITY: values.get(CONF_BATTERY_ENTITY),
        CONF_NO_BATTERY: values.get(CONF_NO_BATTERY, False),
        CONF_NOT_LOW_SUFFICES: values.get(CONF_NOT_LOW_SUFFICES, False),
        CONF_DOOR_ENTITY: door.get(CONF_DOOR_ENTITY),
        CONF_NO_DOOR_SENSOR: door[CONF_NO_DOOR_SENSOR],
        CONF_SECOND_ENTRY: door[CONF_SECOND_ENTRY],
        CONF_IMPORTANCE: door[CONF_IMPORTANCE],
        CONF_MODE: updates[CONF_MODE],
        CONF_APPROVAL: updates[CONF_APPROVAL],
        CONF_SOAK_DAYS: None if soak_days is None else int(soak_days),
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


def _complete(values: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form says, with the sections that it does not have."""
    full = as_form(known, "", HouseholdPolicy().quiet_hours)
    return {**{key: full[key] for key in _NOT_BY_HAND}, **values}
