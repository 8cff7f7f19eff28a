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
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from .adapters.bluetooth import as_advertisement
from .const import (
    CONF_BATTERY_ENTITY,
    CONF_FEED,
    CONF_IDENTITY,
    CONF_LOCK_ENTITY,
    SUBENTRY_LOCK,
)
from .coordinator import FeedCoordinator
from .core.discovery import matches
from .core.errors import TransportError
from .core.model import LockIdentity, Model
from .core.transports.base import Advertisement
from .core.transports.device_information import read_identity
from .household import Household
from .messages import async_describe

_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")

_DETAILS = probatio.Schema(
    {
        probatio.Required(CONF_NAME): TextSelector(),
        probatio.Optional(CONF_LOCK_ENTITY): EntitySelector(
            EntitySelectorConfig(domain="lock")
        ),
        probatio.Optional(CONF_BATTERY_ENTITY): EntitySelector(
            EntitySelectorConfig(domain="sensor", device_class="battery")
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
        if user_input is None:
            return self.async_show_form(
                step_id="details",
                data_schema=self.add_suggested_values_to_schema(
                    _DETAILS, {CONF_NAME: self._model.name}
                ),
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
                **_links(user_input),
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
        if user_input is None:
            return self.async_show_form(
                step_id="reconfigure",
                data_schema=self.add_suggested_values_to_schema(
                    _DETAILS, {CONF_NAME: subentry.title, **_links(subentry.data)}
                ),
            )
        kept = {
            key: value
            for key, value in subentry.data.items()
            if key not in {CONF_LOCK_ENTITY, CONF_BATTERY_ENTITY}
        }
        self._identity = LockIdentity(**subentry.data[CONF_IDENTITY])
        if subentry.data[CONF_FEED] not in self._household.feeds and self._find_model():
            # Its feed was removed, and perhaps added again.
            kept[CONF_FEED] = self._feed.subentry_id
        return self.async_update_and_abort(
            self._get_entry(),
            subentry,
            title=user_input[CONF_NAME],
            data={**kept, **_links(user_input)},
        )


def _links(data: Mapping[str, Any]) -> dict[str, str]:
    """Return what a lock is linked to, without what is not."""
    return {
        key: data[key]
        for key in (CONF_LOCK_ENTITY, CONF_BATTERY_ENTITY)
        if data.get(key)
    }
