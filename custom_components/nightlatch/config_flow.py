"""Config flow: the household, and locks that were discovered for it.

Feeds and locks are subentries of the household; a discovered lock becomes one too.
"""

from typing import Any, override

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowContext,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
    SubentryFlowContext,
)
from homeassistant.const import CONF_ADDRESS, CONF_DEVICE_ID, CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.typing import DiscoveryInfoType

from .const import DOMAIN, SUBENTRY_FEED, SUBENTRY_LOCK
from .core.model import LockKind
from .discovery.candidates import candidates
from .flows.add_lock import AddLockSteps
from .flows.feed import FeedFlow
from .flows.lock import LockFlow
from .flows.new_lock import NewLock
from .flows.options import HouseholdOptionsFlow
from .markup import neutral_all
from .runtime import NightlatchConfigEntry
from .translation import async_label, filled


class NightlatchConfigFlow(
    AddLockSteps[ConfigFlowContext, ConfigFlowResult, str], ConfigFlow, domain=DOMAIN
):
    """Adds the household, or a discovered lock to it."""

    VERSION = 1
    _pick_step = "pick"

    def __init__(self) -> None:
        """Start with nothing."""
        super().__init__()
        self._found: DiscoveryInfoType = {}

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: NightlatchConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what a household has."""
        return {SUBENTRY_FEED: FeedFlow, SUBENTRY_LOCK: LockFlow}

    @staticmethod
    @callback
    @override
    def async_get_options_flow(
        config_entry: NightlatchConfigEntry,
    ) -> HouseholdOptionsFlow:
        """Return the flow for what holds for all locks."""
        return HouseholdOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether to add the household; there is nothing to fill in."""
        if self._async_current_entries(include_ignore=False):
            # Who presses that again means a lock.
            return await self.async_step_pick()
        if user_input is None:
            return self.async_show_form(step_id="user")
        return self.async_create_entry(title="Nightlatch", data={})

    @override
    async def async_on_create_entry(self, result: ConfigFlowResult) -> ConfigFlowResult:
        """Go on with the locks that are in the house, where there are some."""
        entry: NightlatchConfigEntry = result["result"]
        if entry.state is ConfigEntryState.LOADED and any(candidates(self.hass, entry)):
            flow = await self.hass.config_entries.subentries.async_init(
                (entry.entry_id, SUBENTRY_LOCK),
                context=SubentryFlowContext(source=SOURCE_USER),
            )
            result["next_flow"] = (FlowType.CONFIG_SUBENTRIES_FLOW, flow["flow_id"])
        return result

    async def async_step_pick(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer the locks of the house and those in range."""
        return await self._async_pick(user_input)

    @property
    @override
    def _household(self) -> NightlatchConfigEntry | None:
        return next(
            (
                entry
                for entry in self._async_current_entries(include_ignore=False)
                if entry.state is ConfigEntryState.LOADED
            ),
            None,
        )

    @override
    def _async_finish(
        self, new: NewLock, user_input: dict[str, Any]
    ) -> ConfigFlowResult:
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        self._add(entry, user_input)
        return self.async_abort(
            reason="lock_added",
            description_placeholders=neutral_all({"name": new.title(user_input)}),
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
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        if CONF_ADDRESS in discovery_info:
            await self._async_entitle(LockKind.DIRECT)
            return await self.async_step_direct()
        found = next(
            (each for each in candidates(self.hass, entry) if each.device_id == key),
            None,
        )
        if found is None:
            return self.async_abort(reason="already_configured")
        self._new = await self._async_attached(entry, found)
        await self._async_entitle(found.kind, self._new.origin)
        return await self._async_details(None)

    async def _async_entitle(self, kind: LockKind, integration: str = "") -> None:
        """Say among the discoveries what was found, and what can be done for it."""
        way = await async_label(self.hass, "way", kind)
        self.context["title_placeholders"] = neutral_all(
            {
                "name": self._found[CONF_NAME],
                "way": filled(way, {"integration": integration}),
            }
        )

    async def async_step_direct(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask before a lock in range is asked what it is: that costs some battery."""
        self._address = self._found[CONF_ADDRESS]
        if user_input is not None:
            return await self.async_step_ask()
        return self.async_show_form(
            step_id="direct",
            description_placeholders=neutral_all(
                {"name": self._found[CONF_NAME], "address": self._address}
            ),
        )
