"""Steps that add locks: which ones, and what else in Home Assistant belongs to each."""

from abc import abstractmethod
import asyncio
import re
from types import MappingProxyType
from typing import Any

import probatio

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import (
    BluetoothCallbackMatcher,
    BluetoothScanningMode,
    BluetoothServiceInfoBleak,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_ADDRESS
from homeassistant.data_entry_flow import FlowContext, FlowResult
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from ..adapters.bluetooth import as_advertisement
from ..const import CONF_WITHOUT_FEED, SUBENTRY_LOCK
from ..core.errors import TransportError
from ..core.transports.device_information import read_identity
from ..discovery.bluetooth import locks_in_range, model_of
from ..discovery.candidates import Candidate, candidates
from ..markup import neutral_all
from ..runtime import NightlatchConfigEntry
from ..translation import async_describe, async_label, filled
from .new_lock import (
    NewLock,
    attached_lock,
    direct_lock,
    feed_knowing,
    integration_name,
)
from .progress import ProgressFlow

CONF_LOCKS = "locks"
CONF_MORE = "more"

_LOOK = "look"
_NOTHING = "nothing"
_ADDRESS = "address"
_ADDRESS_FORM = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
# Before the id of a device; no address looks like that.
_DEVICE = "device:"
_MODEL_UNKNOWN = "model_unknown"
# Seconds in which a lock nearby should have been heard.
_LOOK_TIME = 10
# Seconds in which a feed that can be had has answered.
_FEEDS_WITHIN = 5


class AddLockSteps[
    ContextT: FlowContext,
    ResultT: FlowResult[Any, Any],
    HandlerT,
](ProgressFlow[ContextT, ResultT, HandlerT]):
    """Adds locks: several as they are proposed, or one with all that can be said of it."""

    _pick_step: str
    """The step in which locks are picked."""
    _new: NewLock
    _address = ""
    """That of the lock that is asked what it is."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self._to_add: list[str] = []
        self._then: str | None = None
        self._several = False
        self._added: list[str] = []
        self._scan: asyncio.Task[None] | None = None

    @property
    @abstractmethod
    def _household(self) -> NightlatchConfigEntry | None:
        """Return what locks are added to, while it is loaded."""

    @abstractmethod
    def _async_finish(self, new: NewLock, user_input: dict[str, Any]) -> ResultT:
        """Add the only lock."""

    async def _async_pick(self, user_input: dict[str, Any] | None = None) -> ResultT:
        """Offer the locks of the house and those in range."""
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        await _until_feeds_were_asked(entry)
        errors: dict[str, str] = {}
        if user_input is not None:
            self._to_add = list(user_input.get(CONF_LOCKS, ()))
            self._then = user_input.get(CONF_MORE)
            self._several = len(self._to_add) + bool(self._then) > 1
            if self._several:
                self._to_add = await self._async_add_known(entry)
            if self._to_add or self._then or self._added:
                return await self._async_next()
            errors["base"] = "nothing_picked"
        found = list(candidates(self.hass, entry))
        attached = [await self._async_option(each) for each in found]
        nearby = await self._async_in_range(entry)
        suggested: dict[str, Any] = {}
        fields: dict[probatio.Marker, Any] = {}
        if options := [*attached, *nearby]:
            fields[probatio.Optional(CONF_LOCKS)] = SelectSelector(
                SelectSelectorConfig(
                    options=options, multiple=True, mode=SelectSelectorMode.LIST
                )
            )
            suggested[CONF_LOCKS] = self._ticked(entry, found, options)
        more = [_LOOK, _ADDRESS] if entry.runtime_data.feeds else [_ADDRESS]
        fields[probatio.Optional(CONF_MORE)] = SelectSelector(
            SelectSelectorConfig(options=more, translation_key=CONF_MORE)
        )
        if not options:
            suggested[CONF_MORE] = more[0]
        return self.async_show_form(
            step_id=self._pick_step if options else _NOTHING,
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), user_input or suggested
            ),
            errors=errors,
        )

    async def async_step_nothing(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Offer where else to look, since there is nothing to tick."""
        return await self._async_pick(user_input)

    async def async_step_look(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Listen for locks that nobody has heard yet, until one is."""
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        if self._scan is None:
            self._scan = self.hass.async_create_task(
                self._async_look(entry), "nightlatch looks for locks"
            )
        if not self._scan.done():
            return self.async_show_progress(
                step_id=_LOOK, progress_action=_LOOK, progress_task=self._scan
            )
        self._scan = None
        return self.async_show_progress_done(next_step_id=self._pick_step)

    async def _async_look(self, entry: NightlatchConfigEntry) -> None:
        feeds = entry.runtime_data.feeds
        known = {
            *_configured(entry),
            *(found[0] for found in locks_in_range(self.hass, feeds.values())),
        }

        def is_new(info: BluetoothServiceInfoBleak) -> bool:
            return (
                info.address not in known
                and model_of(feeds.values(), as_advertisement(info)) is not None
            )

        try:
            # A name may be told only to a scanner that asks.
            await bluetooth.async_process_advertisements(
                self.hass,
                is_new,
                BluetoothCallbackMatcher(connectable=True),
                BluetoothScanningMode.ACTIVE,
                _LOOK_TIME,
            )
        except TimeoutError:
            # The form that comes next shows that there is nothing new.
            return

    async def async_step_address(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Ask for the address of a lock that does not say in range what it is."""
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        errors: dict[str, str] = {}
        if user_input is not None:
            address = user_input[CONF_ADDRESS].strip().upper()
            if not _ADDRESS_FORM.fullmatch(address):
                errors[CONF_ADDRESS] = "address_invalid"
            elif address in _configured(entry):
                return self.async_abort(reason="already_configured")
            else:
                self._address = address
                return await self.async_step_ask({})
        return self.async_show_form(
            step_id=_ADDRESS,
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema({probatio.Required(CONF_ADDRESS): TextSelector()}),
                user_input or {},
            ),
            errors=errors,
        )

    async def async_step_ask(self, user_input: dict[str, Any] | None = None) -> ResultT:
        """Let a lock say what it is; where it does not, say why and let a person try again."""
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        given = user_input or {}
        errors, problem = await self._async_read(
            entry, without_feed=given.get(CONF_WITHOUT_FEED, False)
        )
        if not errors:
            return await self._async_details(None)
        fields: dict[probatio.Marker, Any] = {}
        if errors["base"] == _MODEL_UNKNOWN:
            fields[probatio.Optional(CONF_WITHOUT_FEED)] = BooleanSelector()
        return self.async_show_form(
            step_id="ask",
            data_schema=probatio.Schema(fields),
            errors=errors,
            description_placeholders=neutral_all(
                {"address": self._address, "problem": problem}
            ),
        )

    async def _async_read(
        self, entry: NightlatchConfigEntry, *, without_feed: bool
    ) -> tuple[dict[str, str], str]:
        """Let the lock say what it is; return what is wrong, if anything is."""
        address, runtime = self._address, entry.runtime_data
        try:
            identity = await read_identity(runtime.radio, address, address)
        except TransportError as err:
            problem = await async_describe(self.hass, err, lock=address)
            return {"base": "lock_refused"}, problem
        found = feed_knowing(runtime.feeds, identity.model)
        if found is not None:
            feed, model = found
            self._new = direct_lock(address, identity, feed, model, feed.title)
        elif without_feed:
            origin = await async_label(self.hass, "lock_offer", "files")
            self._new = direct_lock(address, identity, None, None, origin)
        else:
            return {"base": "model_unknown"}, identity.model
        return {}, ""

    async def _async_next(self) -> ResultT:
        """Go on with the next lock that was picked, until all are added."""
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        known = self._attached(entry)
        while self._to_add:
            picked = self._to_add.pop(0)
            if (found := known.get(picked)) is not None:
                self._new = await self._async_attached(entry, found)
                return await self._async_details(None)
            if _ADDRESS_FORM.fullmatch(picked) and picked not in _configured(entry):
                self._address = picked
                return await self.async_step_ask()
        then, self._then = self._then, None
        if then == _LOOK:
            return await self.async_step_look()
        if then == _ADDRESS:
            return await self.async_step_address()
        if not self._added:
            return self.async_abort(reason="already_configured")
        return self.async_abort(
            reason="locks_added",
            description_placeholders=neutral_all({"names": ", ".join(self._added)}),
        )

    async def _async_attached(
        self, entry: NightlatchConfigEntry, found: Candidate
    ) -> NewLock:
        name = await integration_name(self.hass, found)
        return attached_lock(self.hass, entry.runtime_data.feeds, found, name)

    def _attached(self, entry: NightlatchConfigEntry) -> dict[str, Candidate]:
        """Return the locks of other integrations, by what a form calls them."""
        return {
            f"{_DEVICE}{found.device_id}": found
            for found in candidates(self.hass, entry)
        }

    async def _async_add_known(self, entry: NightlatchConfigEntry) -> list[str]:
        """Add those of which enough is known as they are proposed; return the others."""
        known, rest = self._attached(entry), []
        quiet_hours = entry.runtime_data.settings.policy.quiet_hours
        for picked in self._to_add:
            if (found := known.get(picked)) is not None:
                self._new = await self._async_attached(entry, found)
                proposed = self._new.as_proposed(quiet_hours)
                # Where other entities could as well be meant, a person has to look.
                if not self._new.errors(proposed) and not self._new.others:
                    self._add(entry, proposed)
                    continue
            rest.append(picked)
        return rest

    def _add(self, entry: NightlatchConfigEntry, user_input: dict[str, Any]) -> None:
        new = self._new
        title = new.title(user_input)
        self.hass.config_entries.async_add_subentry(
            entry,
            ConfigSubentry(
                data=MappingProxyType(new.data(user_input)),
                subentry_type=SUBENTRY_LOCK,
                title=title,
                unique_id=new.unique_id,
            ),
        )
        self._added.append(title)

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Ask what else in Home Assistant belongs to a direct lock."""
        return await self._async_details(user_input)

    async def async_step_guarded(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Ask about a lock that another integration updates."""
        return await self._async_details(user_input)

    async def async_step_watched(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Ask about a lock that only a person can update."""
        return await self._async_details(user_input)

    async def _async_details(self, user_input: dict[str, Any] | None) -> ResultT:
        new = self._new
        if (entry := self._household) is None:
            return self.async_abort(reason="entry_not_loaded")
        if user_input is None or new.errors(user_input):
            form = new.form(
                self.hass, entry.runtime_data.settings.policy.quiet_hours, user_input
            )
            return self.async_show_form(
                data_schema=self.add_suggested_values_to_schema(
                    form.pop("data_schema"), form.pop("suggested")
                ),
                **form,
            )
        if new.unique_id in _configured(entry):
            if not self._several:
                return self.async_abort(reason="already_configured")
        elif not self._several:
            return self._async_finish(new, user_input)
        else:
            self._add(entry, user_input)
        return await self._async_next()

    @staticmethod
    def _ticked(
        entry: NightlatchConfigEntry,
        found: list[Candidate],
        options: list[SelectOptionDict],
    ) -> list[str]:
        """Return what is ticked before a person has ticked anything.

        Who begins has all ticked that can be added without asking a lock in range, or
        somebody what it runs.
        """
        if not entry.runtime_data.locks:
            return [
                f"{_DEVICE}{each.device_id}"
                for each in found
                if each.identity.firmware_version
            ]
        return [option["value"] for option in options] if len(options) == 1 else []

    async def _async_option(self, found: Candidate) -> SelectOptionDict:
        """Return a lock of the house, with what can be done for it and why."""
        text = await async_label(self.hass, "lock_offer", found.why)
        name = await integration_name(self.hass, found)
        label = f"{found.name}: {filled(text, {'integration': name})}"
        return SelectOptionDict(value=f"{_DEVICE}{found.device_id}", label=label)

    async def _async_in_range(
        self, entry: NightlatchConfigEntry
    ) -> list[SelectOptionDict]:
        text = await async_label(self.hass, "lock_offer", "direct")
        configured = _configured(entry)
        options = [
            SelectOptionDict(
                value=address,
                label=f"{name or model.name} ({model.name}, {address}): {text}",
            )
            for address, name, model in locks_in_range(
                self.hass, entry.runtime_data.feeds.values()
            )
            if address not in configured
        ]
        return sorted(options, key=lambda option: option["label"])


async def _until_feeds_were_asked(entry: NightlatchConfigEntry) -> None:
    """Wait for a feed that was added a moment ago: it knows models of locks."""
    feeds = entry.runtime_data.feeds.values()
    try:
        async with asyncio.timeout(_FEEDS_WITHIN):
            for feed in tuple(feeds):
                await feed.async_wait_until_asked()
    except TimeoutError:
        return


def _configured(entry: NightlatchConfigEntry) -> set[str | None]:
    return {
        subentry.unique_id
        for subentry in entry.subentries.values()
        if subentry.subentry_type == SUBENTRY_LOCK
    }
