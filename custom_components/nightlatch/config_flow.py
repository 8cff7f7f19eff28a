"""Config flow: the household, and locks that were discovered for it.

Feeds and locks are subentries of the household; a discovered lock becomes one too.
"""

from types import MappingProxyType
from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
    ConfigSubentryFlow,
)
from homeassistant.const import CONF_ADDRESS, CONF_DEVICE_ID, CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.typing import DiscoveryInfoType

from .const import DOMAIN, SUBENTRY_FEED, SUBENTRY_LOCK
from .core.errors import TransportError
from .core.transports.device_information import read_identity
from .discovery.candidates import candidates
from .flows.feed import FeedFlow
from .flows.lock import LockFlow
from .flows.new_lock import (
    NewLock,
    attached_lock,
    direct_lock,
    feed_knowing,
    integration_name,
)
from .flows.options import HouseholdOptionsFlow
from .markup import neutral_all
from .runtime import NightlatchConfigEntry
from .translation import async_describe


class NightlatchConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds the household, or a discovered lock to it."""

    VERSION = 1

    def __init__(self) -> None:
        """Start with nothing."""
        self._found: DiscoveryInfoType = {}
        self._new: NewLock

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what a household has."""
        return {SUBENTRY_FEED: FeedFlow, SUBENTRY_LOCK: LockFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> HouseholdOptionsFlow:
        """Return the flow for what holds for all locks."""
        return HouseholdOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether to add the household; there is nothing to fill in."""
        if self._async_current_entries(include_ignore=False):
            return self.async_abort(reason="single_instance_allowed")
        if user_input is None:
            return self.async_show_form(step_id="user")
        return self.async_create_entry(title="Nightlatch", data={})

    # A discovered lock.

    @property
    def _entry(self) -> NightlatchConfigEntry | None:
        """The household's entry, while it is loaded."""
        return next(
            (
                entry
                for entry in self._async_current_entries(include_ignore=False)
                if entry.state is ConfigEntryState.LOADED
            ),
            None,
        )

    @override
    async def async_step_integration_discovery(
        self, discovery_info: DiscoveryInfoType
    ) -> ConfigFlowResult:
        """Offer a lock that another integration knows, or that is in range."""
        self._found = discovery_info
        key = discovery_info.get(CONF_DEVICE_ID) or discovery_info[CONF_ADDRESS]
        await self.async_set_unique_id(key)
        self._abort_if_unique_id_configured()
        if (entry := self._entry) is None:
            return self.async_abort(reason="entry_not_loaded")
        self.context["title_placeholders"] = {"name": discovery_info[CONF_NAME]}
        if CONF_ADDRESS in discovery_info:
            return await self.async_step_direct()
        runtime = entry.runtime_data
        found = next(
            (
                each
                for each in candidates(self.hass, runtime.entry)
                if each.device_id == key
            ),
            None,
        )
        if found is None:
            return self.async_abort(reason="already_configured")
        self._new = attached_lock(
            self.hass,
            runtime.feeds,
            found,
            await integration_name(self.hass, found),
        )
        return await self._async_details(None)

    async def async_step_direct(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask before a lock in range is asked what it is: that costs some battery."""
        if (entry := self._entry) is None:
            return self.async_abort(reason="entry_not_loaded")
        address = self._found[CONF_ADDRESS]
        errors: dict[str, str] = {}
        problem = ""
        if user_input is not None:
            runtime = entry.runtime_data
            try:
                identity = await read_identity(runtime.radio, address, address)
            except TransportError as err:
                errors["base"] = "lock_refused"
                problem = await async_describe(self.hass, err, lock=address)
            else:
                found = feed_knowing(runtime.feeds, identity.model)
                if found is not None:
                    feed, model = found
                    self._new = direct_lock(address, identity, feed, model, feed.title)
                    return await self._async_details(None)
                errors["base"] = "model_unknown"
                problem = identity.model
        return self.async_show_form(
            step_id="direct",
            errors=errors,
            description_placeholders=neutral_all(
                {
                    "name": self._found[CONF_NAME],
                    "address": address,
                    "problem": problem,
                }
            ),
        )

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what else in Home Assistant belongs to a direct lock."""
        return await self._async_details(user_input)

    async def async_step_guarded(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask about a lock that another integration updates."""
        return await self._async_details(user_input)

    async def async_step_watched(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask about a lock that only a person can update."""
        return await self._async_details(user_input)

    async def _async_details(
        self, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        new = self._new
        if (entry := self._entry) is None:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is None or new.errors(user_input):
            quiet_hours = entry.runtime_data.settings.policy.quiet_hours
            form = new.form(self.hass, quiet_hours, user_input)
            return self.async_show_form(
                data_schema=self.add_suggested_values_to_schema(
                    form.pop("data_schema"), form.pop("suggested")
                ),
                **form,
            )
        if any(each.unique_id == new.unique_id for each in entry.subentries.values()):
            return self.async_abort(reason="already_configured")
        self.hass.config_entries.async_add_subentry(
            entry,
            ConfigSubentry(
                data=MappingProxyType(new.data(user_input)),
                subentry_type=SUBENTRY_LOCK,
                title=new.title(user_input),
                unique_id=new.unique_id,
            ),
        )
        return self.async_abort(
            reason="lock_added",
            description_placeholders=neutral_all({"name": new.title(user_input)}),
        )
