"""Config flow: the household; its feeds and locks are subentries of their own."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.core import callback

from .const import DOMAIN, SUBENTRY_FEED, SUBENTRY_LOCK
from .feed_flow import FeedFlow
from .lock_flow import LockFlow
from .options_flow import HouseholdOptionsFlow


class NightlatchConfigFlow(ConfigFlow, domain=DOMAIN):
    """Adds the household."""

    VERSION = 1

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
        if user_input is None:
            return self.async_show_form(step_id="user")
        return self.async_create_entry(title="Nightlatch", data={})
