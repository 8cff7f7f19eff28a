"""Subentry flow for a lock: pick it, see what it is, link what belongs to it."""

import re
from typing import Any

import probatio

from homeassistant.components import bluetooth
from homeassistant.config_entries import ConfigEntryState, SubentryFlowResult
from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from ..const import (
    CONF_FEED,
    CONF_IDENTITY,
    CONF_KIND,
    CONF_WITHOUT_FEED,
    SUBENTRY_LOCK,
)
from ..core.errors import TransportError
from ..core.model import LockKind, Model
from ..core.records.lock_record import identity_from_dict
from ..core.transports.device_information import read_identity
from ..discovery.bluetooth import locks_in_range
from ..discovery.candidates import Candidate, candidates
from ..markup import neutral_all
from ..translation import async_describe, async_label, filled
from .decide import DecideSteps
from .lock_form import as_data, as_form, details_schema, form_errors
from .new_lock import (
    NewLock,
    attached_lock,
    direct_lock,
    feed_knowing,
    integration_name,
    told_of_others,
)

_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
# Before the id of a device; no address looks like that.
_DEVICE = "device:"
_MODEL_UNKNOWN = "model_unknown"


class LockFlow(DecideSteps):
    """Adds a lock, or changes or decides something about it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._new: NewLock

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Offer the locks of the house and those in range; an address may be typed."""
        if self._get_entry().state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        known = {
            found.device_id: found
            for found in candidates(self.hass, self._runtime.entry)
        }
        errors: dict[str, str] = {}
        problem = ""
        if user_input is not None:
            picked = user_input[CONF_ADDRESS].strip()
            if (found := known.get(picked.removeprefix(_DEVICE))) is not None:
                self._new = attached_lock(
                    self.hass,
                    self._runtime.feeds,
                    found,
                    await integration_name(self.hass, found),
                )
                return await self._async_details(None)
            address = picked.upper()
            if not _ADDRESS.fullmatch(address):
                errors[CONF_ADDRESS] = "address_invalid"
            elif address in self._configured():
                return self.async_abort(reason="already_configured")
            else:
                errors, problem = await self._async_read(
                    address, without_feed=user_input.get(CONF_WITHOUT_FEED, False)
                )
                if not errors:
                    return await self._async_details(None)
        options = [
            *[await self._async_option(found) for found in known.values()],
            *await self._async_in_range(),
        ]
        fields: dict[probatio.Marker, Any] = {
            probatio.Required(CONF_ADDRESS): SelectSelector(
                SelectSelectorConfig(
                    options=options,
                    custom_value=True,
                    mode=SelectSelectorMode.DROPDOWN,
                )
            )
        }
        if errors.get("base") == _MODEL_UNKNOWN:
            fields[probatio.Optional(CONF_WITHOUT_FEED)] = BooleanSelector()
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), user_input or {}
            ),
            errors=errors,
            description_placeholders=neutral_all({"problem": problem}),
        )

    async def _async_read(
        self, address: str, *, without_feed: bool
    ) -> tuple[dict[str, str], str]:
        """Let a lock say what it is; return what is wrong, if anything is."""
        try:
            identity = await read_identity(self._runtime.radio, address, address)
        except TransportError as err:
            problem = await async_describe(self.hass, err, lock=address)
            return {"base": "lock_refused"}, problem
        found = feed_knowing(self._runtime.feeds, identity.model)
        if found is not None:
            feed, model = found
            self._new = direct_lock(address, identity, feed, model, feed.title)
        elif without_feed:
            origin = await async_label(self.hass, "lock_offer", "files")
            self._new = direct_lock(address, identity, None, None, origin)
        else:
            return {"base": "model_unknown"}, identity.model
        return {}, ""

    def _configured(self) -> set[str | None]:
        return {
            subentry.unique_id
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_type == SUBENTRY_LOCK
        }

    async def _async_option(self, found: Candidate) -> SelectOptionDict:
        """Return a lock of the house, with what can be done for it and why."""
        text = await async_label(self.hass, "lock_offer", found.why)
        name = await integration_name(self.hass, found)
        label = f"{found.name}: {filled(text, {'integration': name})}"
        return SelectOptionDict(value=f"{_DEVICE}{found.device_id}", label=label)

    async def _async_in_range(self) -> list[SelectOptionDict]:
        seen = self._new_in_range()
        if not seen and self._runtime.feeds:
            # A name may be told only to a scanner that asks, which takes some seconds.
            await bluetooth.async_request_active_scan(self.hass)
            seen = self._new_in_range()
        text = await async_label(self.hass, "lock_offer", "direct")
        options = [
            SelectOptionDict(
                value=address,
                label=f"{name or model.name} ({model.name}, {address}): {text}",
            )
            for address, name, model in seen
        ]
        return sorted(options, key=lambda option: option["label"])

    def _new_in_range(self) -> list[tuple[str, str | None, Model]]:
        configured = self._configured()
        return [
            found
            for found in locks_in_range(self.hass, self._runtime.feeds.values())
            if found[0] not in configured
        ]

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what else in Home Assistant belongs to a direct lock."""
        return await self._async_details(user_input)

    async def async_step_guarded(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask about a lock that another integration updates."""
        return await self._async_details(user_input)

    async def async_step_watched(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask about a lock that only a person can update."""
        return await self._async_details(user_input)

    async def _async_details(
        self, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        new = self._new
        if user_input is None or new.errors(user_input):
            form = new.form(
                self.hass, self._runtime.settings.policy.quiet_hours, user_input
            )
            return self.async_show_form(
                data_schema=self.add_suggested_values_to_schema(
                    form.pop("data_schema"), form.pop("suggested")
                ),
                **form,
            )
        return self.async_create_entry(
            title=new.title(user_input),
            data=new.data(user_input),
            unique_id=new.unique_id,
        )

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
            steps = [*self._decisions(lock), *steps]
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
