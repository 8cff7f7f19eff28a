"""Steps of a lock's flow that take firmware from a file: shown before anything happens."""

from typing import Any

import probatio

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_MODEL
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    FileSelector,
    FileSelectorConfig,
    TextSelector,
)

from ..const import CONF_FILE, CONF_HARDWARE, CONF_VERSION, CONF_WORDS
from ..core.errors import (
    FileError,
    FileProblem,
    FirmwareError,
    FirmwareProblem,
    NightlatchError,
)
from ..core.firmware.packages import MAX_ARTIFACT_SIZE
from ..core.from_file import FileReading, KnownLock, Said, read_file, release_of
from ..core.installation.recovery import Remedy
from ..core.model import Purpose, Release, Source
from ..core.schedule.policy import ApprovalNeed
from ..install.approval import async_check_sender
from ..install.staging import async_keep_file, async_known, async_take
from ..locks.lock import ManagedLock
from ..markup import listed, neutral_all
from ..runtime import NightlatchConfigEntry, Runtime
from ..texts.file_summary import async_file_summary, async_words, says
from ..translation import async_describe_file, or_not_known
from .uploads import UploadGoneError, UploadTooLargeError, async_read_upload
from .who import CODE_SELECTOR, CONF_CODE, async_told, user_of_form

_FILE = probatio.Schema(
    {
        probatio.Required(CONF_FILE): FileSelector(
            FileSelectorConfig(accept=".zip,.bin,application/octet-stream")
        )
    }
)
_SAID = probatio.Schema(
    {
        probatio.Required(CONF_MODEL): TextSelector(),
        probatio.Required(CONF_HARDWARE): TextSelector(),
        probatio.Required(CONF_VERSION): TextSelector(),
    }
)


class FirmwareFileFlow(ConfigSubentryFlow):
    """Takes a file, shows what it is, and lets the lock offer it."""

    _known: KnownLock
    _reading: FileReading
    _release: Release
    _name = ""

    @property
    def _runtime(self) -> Runtime:
        entry: NightlatchConfigEntry = self._get_entry()
        return entry.runtime_data

    @property
    def _managed(self) -> ManagedLock | None:
        """Return the lock; None where it, or all of Nightlatch, is gone meanwhile."""
        entry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            return None
        return self._runtime.locks.get(self._reconfigure_subentry_id)

    async def async_step_firmware_file(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask for the file."""
        if (lock := self._managed) is None:
            return self.async_abort(reason="entry_not_loaded")
        if lock.progress is not None:
            return self.async_abort(reason="installing")
        if (problem := self._runtime.vault.problem) is not None:
            # What would become of the file could not be kept.
            return self.async_abort(
                reason="vault_unusable",
                description_placeholders=neutral_all(
                    {"problem": await self._async_describe(lock, problem)}
                ),
            )
        errors: dict[str, str] = {}
        told = ""
        if user_input is not None:
            try:
                await self._async_take_upload(lock, user_input[CONF_FILE])
                if self._reading.listed is not None:
                    await self._async_make(Said())
                    return await self.async_step_firmware_confirm()
            except NightlatchError as err:
                errors["base"] = "file_refused"
                told = await self._async_describe(lock, err)
                if self._name:
                    # The form is empty again, and somebody may have tried several.
                    told = f"{self._name}: {told}"
            else:
                return await self.async_step_firmware_details()
        identity = lock.record.identity
        return self.async_show_form(
            step_id="firmware_file",
            data_schema=_FILE,
            errors=errors,
            description_placeholders=neutral_all(
                {
                    "lock": lock.name,
                    "model": identity.told_model or lock.model_name,
                    "hardware": or_not_known(self.hass, identity.hardware_revision),
                    "version": identity.firmware_version,
                    "problem": told,
                }
            ),
        )

    async def async_step_firmware_details(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask what the file does not say: for what it is, and which version."""
        if (lock := self._managed) is None:
            return self.async_abort(reason="entry_not_loaded")
        errors: dict[str, str] = {}
        told = ""
        if user_input is not None:
            said = {key: str(value).strip() for key, value in user_input.items()}
            try:
                await self._async_make(
                    Said(
                        model=said[CONF_MODEL],
                        hardware=said[CONF_HARDWARE],
                        version=said[CONF_VERSION],
                    )
                )
            except NightlatchError as err:
                errors["base"] = "file_refused"
                told = await self._async_describe(lock, err)
            else:
                return await self.async_step_firmware_confirm()
        identity, inspection = self._known.identity, self._reading.inspection
        return self.async_show_form(
            step_id="firmware_details",
            data_schema=self.add_suggested_values_to_schema(
                _SAID, user_input or {CONF_VERSION: inspection.version}
            ),
            errors=errors,
            description_placeholders=neutral_all(
                {
                    "lock": lock.name,
                    "file": self._name,
                    "model": identity.told_model or lock.model_name,
                    "hardware": or_not_known(self.hass, identity.hardware_revision),
                    "version": identity.firmware_version,
                    "problem": told,
                }
            ),
        )

    async def async_step_firmware_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show everything, and have it said in words where nothing proves it."""
        if (lock := self._managed) is None:
            return self.async_abort(reason="entry_not_loaded")
        reading, release = self._reading, self._release
        words = await async_words(self.hass, lock, reading)
        is_recovery = reading.purpose is Purpose.RECOVERY
        fields = dict[probatio.Marker, Any]()
        if words is not None:
            fields[probatio.Required(CONF_WORDS)] = TextSelector()
        if is_recovery and lock.policy.approval is ApprovalNeed.SECOND_FACTOR:
            # It is sent with this form; what is offered takes an approval later.
            fields[probatio.Required(CONF_CODE)] = CODE_SELECTOR
        errors: dict[str, str] = {}
        told = ""
        if user_input is not None:
            if words is not None and not says(user_input[CONF_WORDS], words):
                errors[CONF_WORDS] = "words_differ"
            elif lock.progress is not None:
                return self.async_abort(reason="installing")
            elif is_recovery and (
                refusal := await self._async_refusal(lock, user_input.get(CONF_CODE))
            ):
                errors["base"], told = "refused", refusal
            else:
                try:
                    take = async_keep_file if is_recovery else async_take
                    await take(
                        lock,
                        vault=self._runtime.vault,
                        audit=self._runtime.audit,
                        reading=reading,
                        release=release,
                        words=words,
                    )
                except NightlatchError as err:
                    errors["base"] = "file_refused"
                    told = await self._async_describe(lock, err)
                except HomeAssistantError:
                    # It has begun while the file was put into the vault.
                    return self.async_abort(reason="installing")
                else:
                    if is_recovery:
                        return self._send(lock, release)
                    return self.async_abort(
                        reason="firmware_offered",
                        description_placeholders=neutral_all(
                            {
                                "lock": lock.name,
                                "version": release.version.text,
                            }
                        ),
                    )
        summary = await async_file_summary(
            self.hass, lock, reading, release, self._runtime.planner
        )
        return self.async_show_form(
            step_id="firmware_confirm",
            data_schema=self.add_suggested_values_to_schema(
                probatio.Schema(fields), user_input or {}
            ),
            errors=errors,
            description_placeholders=neutral_all(
                {
                    "file": self._name,
                    "size": str(reading.inspection.size),
                    "sha256": reading.inspection.sha256,
                    "summary": listed(summary),
                    "problem": told,
                }
            ),
        )

    async def _async_refusal(self, lock: ManagedLock, code: str | None) -> str | None:
        """Return why whoever fills in the form may not have it sent, in words."""
        try:
            await async_check_sender(self.hass, lock, user_of_form(), code)
        except HomeAssistantError as err:
            return await async_told(self.hass, err)
        return None

    def _send(self, lock: ManagedLock, release: Release) -> SubentryFlowResult:
        """Bring a lock out of its bootloader with what is kept of the file."""
        brought = Remedy(release=release, source=Source.VAULT)
        if not self._runtime.recovering.async_help_now(lock, brought):
            return self.async_abort(
                reason="left_bootloader",
                description_placeholders=neutral_all({"lock": lock.name}),
            )
        return self.async_abort(
            reason="recovery_begun",
            description_placeholders=neutral_all({"lock": lock.name}),
        )

    async def _async_take_upload(self, lock: ManagedLock, file_id: str) -> None:
        """Read what was uploaded; raise ``NightlatchError``."""
        self._name = ""
        try:
            upload = await async_read_upload(self.hass, file_id, MAX_ARTIFACT_SIZE)
        except UploadGoneError:
            raise FileError(FileProblem.UPLOAD_GONE) from None
        except UploadTooLargeError as err:
            raise FirmwareError(
                FirmwareProblem.TOO_LARGE, size=err.size, limit=err.limit
            ) from None
        self._name = upload.name
        self._known = await async_known(lock, self._runtime.vault)
        self._reading = await self.hass.async_add_executor_job(
            read_file, upload.data, self._known
        )

    async def _async_make(self, said: Said) -> None:
        """Make a release of the file; raise ``NightlatchError``."""
        self._release = await self.hass.async_add_executor_job(
            release_of, self._reading, self._known, said, self._name
        )

    async def _async_describe(self, lock: ManagedLock, err: NightlatchError) -> str:
        feed = lock.feed_title
        return await async_describe_file(self.hass, err, lock=lock.name, feed=feed)
