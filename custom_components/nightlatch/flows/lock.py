"""Subentry flow for a lock: add it, change it, decide something about it."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntryState,
    SubentryFlowContext,
    SubentryFlowResult,
)
from homeassistant.const import CONF_ADDRESS, CONF_NAME

from ..const import CONF_FEED, CONF_IDENTITY, CONF_KIND
from ..core.model import LockKind
from ..core.records.lock_record import identity_from_dict
from ..markup import neutral_all
from ..runtime import NightlatchConfigEntry
from .add_lock import AddLockSteps
from .decide import DecideSteps
from .help import HelpSteps
from .lock_form import as_data, as_form, details_schema, form_errors
from .new_lock import NewLock, feed_knowing, told_of_others
from .try_way import TryWaySteps


class LockFlow(
    AddLockSteps[SubentryFlowContext, SubentryFlowResult, tuple[str, str]],
    DecideSteps,
    TryWaySteps,
    HelpSteps,
):
    """Adds a lock, or changes or decides something about it."""

    _pick_step = "user"

    @property
    @override
    def _household(self) -> NightlatchConfigEntry | None:
        entry: NightlatchConfigEntry = self._get_entry()
        return entry if entry.state is ConfigEntryState.LOADED else None

    @override
    def _async_finish(
        self, new: NewLock, user_input: dict[str, Any]
    ) -> SubentryFlowResult:
        return self.async_create_entry(
            title=new.title(user_input),
            data=new.data(user_input),
            unique_id=new.unique_id,
        )

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer the locks of the house and those in range."""
        return await self._async_pick(user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what is to be done, where there is more than one thing."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        lock = self._managed
        steps = ["settings"]
        if lock is not None and lock.kind.sends_firmware:
            steps.append("firmware_file")
        if lock is not None:
            if not lock.kind.by_hand and lock.progress is None:
                steps.insert(0, "try_way")
            steps = [*self._decisions(lock), *steps, "help"]
        if steps == ["settings"]:
            return await self.async_step_settings()
        return self.async_show_menu(step_id="reconfigure", menu_options=steps)

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change the name and the links; what the lock is, it says itself."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        subentry = self._get_reconfigure_subentry()
        known = subentry.data
        kind = LockKind(known.get(CONF_KIND, LockKind.DIRECT))
        errors = {} if user_input is None else form_errors(user_input)
        if user_input is None or errors:
            quiet_hours = self._runtime.settings.policy.quiet_hours
            return self.async_show_form(
                step_id="settings",
                data_schema=self.add_suggested_values_to_schema(
                    details_schema(kind),
                    user_input or as_form(known, subentry.title, quiet_hours),
                ),
                errors=errors,
                description_placeholders=neutral_all(
                    {"others": told_of_others(self.hass, user_input or known)}
                ),
            )
        kept = {
            key: known[key]
            for key in (CONF_KIND, CONF_ADDRESS, CONF_FEED, CONF_IDENTITY)
            if key in known
        }
        if kept.get(CONF_FEED) not in self._runtime.feeds:
            # Its feed was removed, and perhaps added again; or is there only now.
            model = identity_from_dict(known[CONF_IDENTITY]).model
            if (found := feed_knowing(self._runtime.feeds, model)) is not None:
                kept[CONF_FEED] = found[0].subentry_id
        return self.async_update_and_abort(
            self._get_entry(),
            subentry,
            title=user_input[CONF_NAME],
            data={**kept, **as_data(user_input, known)},
        )
