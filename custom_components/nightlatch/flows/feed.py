"""Subentry flow for a vendor's feed: what is trusted is shown before it is trusted."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, override

import probatio

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_URL
from homeassistant.helpers.selector import (
    BooleanSelector,
    FileSelector,
    FileSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util

from ..const import (
    CONF_FIRMWARE_KEYS,
    CONF_KEEPER,
    CONF_REPORT,
    CONF_REPORTS_TO,
    CONF_ROOT,
    CONF_ROOT_FILE,
    SUBENTRY_FEED,
)
from ..coordinator import make_feed, normal_url
from ..core.errors import FeedError, FeedProblem
from ..core.feeds.base import FeedContent
from ..core.feeds.tuf_keys import Fingerprint
from ..core.feeds.tuf_root import (
    MAX_ROOT,
    NO_METADATA,
    OTHER_ROLE,
    RootSummary,
    inspect_root,
)
from ..core.phrase import Phrase
from ..core.records.ends_report import example_report
from ..core.records.trust import Trust, TrustStore
from ..markup import Composed, listed, neutral, neutral_all, typed_address
from ..runtime import NightlatchConfigEntry
from ..translation import async_describe, async_sentence
from .uploads import UploadGoneError, UploadTooLargeError, async_read_upload

_SCHEMA = probatio.Schema(
    {
        probatio.Required(CONF_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.URL)
        ),
        probatio.Optional(CONF_ROOT): TextSelector(TextSelectorConfig(multiline=True)),
        probatio.Optional(CONF_ROOT_FILE): FileSelector(
            FileSelectorConfig(accept=".json,application/json")
        ),
    }
)

_NOT_GIVEN = "none was given"


class _Inspection(TrustStore):
    """Trust while a feed is only looked at: the household's time, and no memory."""

    def __init__(self, trust: Trust) -> None:
        self._trust = Trust(time=trust.time, time_resets=trust.time_resets)

    @property
    @override
    def trust(self) -> Trust:
        return self._trust

    @override
    async def raise_to(self, trust: Trust) -> None:
        """Remember nothing: nobody has said yet that this feed is to be trusted."""


class FeedFlow(ConfigSubentryFlow):
    """Adds a feed, or takes over what its vendor has changed."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._url = ""
        self._root = ""
        self._content: FeedContent
        self._summary: RootSummary

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for URL and root of a new feed."""
        return await self._async_step_source("user", user_input, {})

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask again: the feed has moved, or has a new root or a new firmware key."""
        return await self._async_step_source(
            "reconfigure", user_input, self._get_reconfigure_subentry().data
        )

    async def _async_step_source(
        self, step_id: str, user_input: dict[str, Any] | None, known: Mapping[str, Any]
    ) -> SubentryFlowResult:
        entry: NightlatchConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        errors: dict[str, str] = {}
        problem = ""
        if user_input is not None:
            self._url = user_input[CONF_URL].strip()
            self._root = user_input.get(CONF_ROOT, "").strip()
            try:
                self._url = normal_url(self._url)
                if self._is_configured(self._url):
                    return self.async_abort(reason="already_configured")
                if CONF_ROOT_FILE in user_input:
                    self._root = await self._async_uploaded(user_input[CONF_ROOT_FILE])
                await self._async_inspect()
                self._check_signed_by()
            except FeedError as err:
                errors["base"] = "feed_refused"
                problem = await self._async_refused(
                    err, picked=CONF_ROOT_FILE in user_input
                )
            else:
                return await self.async_step_confirm()
            # An upload can be read only once: from now on it is as if pasted.
            known = {CONF_URL: self._url, CONF_ROOT: self._root}
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(_SCHEMA, known),
            errors=errors,
            description_placeholders=neutral_all({"problem": problem}),
        )

    def _is_configured(self, url: str) -> bool:
        own = (
            self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        )
        return any(
            subentry.data[CONF_URL] == url
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_type == SUBENTRY_FEED and subentry.subentry_id != own
        )

    def _check_signed_by(self) -> None:
        """Check that a keeper's feed does not become the maker's by being changed.

        Raises ``FeedError``. Who wants the maker's own adds that, and sees its keys.
        """
        if self.source != SOURCE_RECONFIGURE:
            return
        before = self._get_reconfigure_subentry().data.get(CONF_KEEPER)
        if before is not None and self._content.keeper is None:
            raise FeedError(
                FeedProblem.SIGNED_BY_CHANGED, before=before, now=self._content.vendor
            )

    async def _async_uploaded(self, upload: str) -> str:
        """Return the root that was uploaded; raise ``FeedError``."""
        try:
            file = await async_read_upload(self.hass, upload, MAX_ROOT)
            return file.data.decode().strip()
        except UploadTooLargeError as err:
            raise _bad_root("the file is too large") from err
        except UnicodeDecodeError as err:
            raise _bad_root("the file is no text") from err
        except UploadGoneError as err:
            raise _bad_root("the upload is gone") from err

    async def _async_refused(self, err: FeedError, *, picked: bool) -> Composed:
        """Return why a feed is refused, to whom has pasted its root or picked a file."""
        wrong = err.details.get("problem")
        if wrong == _NOT_GIVEN:
            return await async_sentence(self.hass, "root_not_given", {})
        if wrong in {NO_METADATA, OTHER_ROLE}:
            return (
                await async_sentence(self.hass, "root_picked_other", {})
                if picked
                else await async_sentence(
                    self.hass, "root_pasted_other", {"begin": "{", "end": "}"}
                )
            )
        return await async_describe(self.hass, err, feed=typed_address(self._url))

    async def _async_inspect(self) -> None:
        """Ask the feed once, without trusting or keeping anything."""
        if not self._root:
            raise _bad_root(_NOT_GIVEN)
        self._summary = await self.hass.async_add_executor_job(
            inspect_root, self._root.encode(), dt_util.utcnow()
        )
        entry: NightlatchConfigEntry = self._get_entry()
        directory = await self.hass.async_add_executor_job(TemporaryDirectory)
        try:
            feed = make_feed(
                self.hass,
                url=self._url,
                root=self._root,
                pinned_keys=None,
                cache=Path(directory.name),
                trust=_Inspection(entry.runtime_data.store.trust),
            )
            self._content = await feed.check()
        finally:
            await self.hass.async_add_executor_job(directory.cleanup)

    async def async_step_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the keys for comparison with what the vendor has published."""
        if user_input is None:
            root_keys = self._summary.roles["root"]
            fingerprints = root_keys.fingerprints
            keeper = self._content.keeper
            return self.async_show_form(
                step_id="confirm" if keeper is None else "confirm_keeper",
                description_placeholders=neutral_all(
                    {
                        **(await self._async_of_keeper(keeper) if keeper else {}),
                        "vendor": self._content.vendor,
                        "models": listed(model.name for model in self._content.models),
                        "releases": str(len(self._content.releases)),
                        "root_keys": listed(
                            [await self._async_told(key) for key in fingerprints]
                        ),
                        "threshold": str(root_keys.threshold),
                        "root_version": str(self._summary.version),
                        "root_expires": self._summary.expires.date().isoformat(),
                        "firmware_keys": listed(
                            _code(key.fingerprint)
                            for key in self._content.firmware_keys
                        ),
                    }
                ),
            )
        if self._content.reports is not None:
            return await self.async_step_reports()
        return await self._async_finish(None)

    async def async_step_confirm_keeper(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the same of a feed that its maker does not sign."""
        return await self.async_step_confirm(user_input)

    async def _async_of_keeper(self, keeper: str) -> dict[str, str]:
        """Return what else a person has to know where a keeper signs."""
        entry: NightlatchConfigEntry = self._get_entry()
        own = {
            model.model
            for feed in entry.runtime_data.feeds.values()
            if feed.keeper is None and feed.data is not None
            for model in feed.data.models
        }
        both = [each.name for each in self._content.models if each.model in own]
        beside = (
            await async_sentence(
                self.hass, "keeper_beside_vendor", {"models": ", ".join(both)}
            )
            if both
            else ""
        )
        return {"keeper": keeper, "beside": Composed(f"{beside}\n\n" if both else "")}

    async def async_step_reports(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whether the vendor is told how installations end, and show what it gets."""
        address = self._content.reports
        assert address is not None
        if user_input is not None:
            return await self._async_finish(
                address if user_input[CONF_REPORT] else None
            )
        agreed = (
            self._get_reconfigure_subentry().data.get(CONF_REPORTS_TO)
            if self.source == SOURCE_RECONFIGURE
            else None
        )
        return self.async_show_form(
            step_id="reports",
            data_schema=probatio.Schema(
                {
                    probatio.Required(
                        CONF_REPORT, default=agreed == address
                    ): BooleanSelector()
                }
            ),
            description_placeholders=neutral_all(
                {
                    "address": _code(address),
                    "report": Composed(f"```json\n{example_report()}\n```"),
                }
            ),
        )

    async def _async_finish(self, reports_to: str | None) -> SubentryFlowResult:
        data: dict[str, Any] = {
            CONF_URL: self._url,
            CONF_ROOT: self._root,
            CONF_FIRMWARE_KEYS: [key.pem for key in self._content.firmware_keys],
        }
        if reports_to is not None:
            data[CONF_REPORTS_TO] = reports_to
        title: str = neutral(self._content.vendor)
        if (keeper := self._content.keeper) is not None:
            data[CONF_KEEPER] = keeper
            title = await async_sentence(
                self.hass,
                "keeper_feed_title",
                {"vendor": title, "keeper": neutral(keeper)},
            )
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                self._get_entry(),
                self._get_reconfigure_subentry(),
                data=data,
                unique_id=self._url,
            )
        return self.async_create_entry(title=str(title), data=data, unique_id=self._url)

    async def _async_told(self, key: Fingerprint) -> Composed:
        """Return by what a key can be compared, however its vendor has named it."""
        if key.whole == key.alone:
            return _code(key.whole)
        both = {"whole": _code(key.whole), "alone": _code(key.alone)}
        return await async_sentence(self.hass, "feed_key_two_ways", both)


def _bad_root(template: str) -> FeedError:
    return FeedError(FeedProblem.ROOT_INVALID, problem=Phrase(template))


def _code(fingerprint: str) -> Composed:
    return Composed(f"`{fingerprint}`")
