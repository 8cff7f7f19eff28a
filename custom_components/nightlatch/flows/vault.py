"""The vault's part of the options: where the copies lie, and where the key comes from."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from ..adapters.vault_folder import first_folder, overlap
from ..const import CONF_SECOND_PLACE, CONF_VAULT_LIMIT
from ..core.errors import VaultError, VaultProblem
from ..core.vault.keys import PASSPHRASE_LEAST, KeySource
from ..markup import neutral_all
from ..runtime import NightlatchConfigEntry
from ..settings import parse_vault
from ..vault.store import HouseholdVault

CONF_KEY_SOURCE: Final = "key_source"
CONF_PASSPHRASE: Final = "passphrase"  # noqa: S105
CONF_AGAIN: Final = "passphrase_again"
CONF_KEY_FILE: Final = "key_file"
CONF_ANEW: Final = "anew"

_LIMIT = NumberSelectorConfig(
    min=8, max=4096, mode=NumberSelectorMode.BOX, unit_of_measurement="MB"
)
_PASSWORD = TextSelectorConfig(
    type=TextSelectorType.PASSWORD, autocomplete="new-password"
)
_KEY_FILE_SIZE = 64
# Seconds until a folder on a share that does not answer is given up.
ANSWER_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _NewKey:
    """Where the key is to come from."""

    source: KeySource
    passphrase: str = ""
    key_file: Path | None = None


class VaultSteps(OptionsFlow):
    """The steps of the vault."""

    _vault_options: Mapping[str, Any]
    """What was filled in on the first page."""
    _new_key: _NewKey

    async def async_step_vault(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the copies lie, and where the key comes from."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="not_loaded")
        errors: dict[str, str] = {}
        if user_input is not None:
            source = KeySource(user_input[CONF_KEY_SOURCE])
            second = user_input.get(CONF_SECOND_PLACE, "").strip()
            errors = await self._async_second_place_errors(second)
            if not errors:
                self._vault_options = {
                    CONF_SECOND_PLACE: second or None,
                    CONF_VAULT_LIMIT: int(user_input[CONF_VAULT_LIMIT]),
                }
                if source is KeySource.PASSPHRASE:
                    return await self.async_step_vault_passphrase()
                if source is KeySource.KEY_FILE:
                    return await self.async_step_vault_key_file()
                if self._vault.source is source:
                    return self._save(self._vault_options)
                return await self._async_change_key(_NewKey(source=source))
        settings = parse_vault(self.config_entry.options)
        schema = probatio.Schema(
            {
                probatio.Optional(CONF_SECOND_PLACE): TextSelector(),
                probatio.Required(CONF_VAULT_LIMIT): NumberSelector(_LIMIT),
                probatio.Required(CONF_KEY_SOURCE): SelectSelector(
                    SelectSelectorConfig(
                        options=list(KeySource),
                        mode=SelectSelectorMode.LIST,
                        translation_key="key_source",
                    )
                ),
            }
        )
        shown: dict[str, Any] = {
            CONF_VAULT_LIMIT: settings.limit,
            CONF_KEY_SOURCE: self._vault.source or KeySource.STORAGE,
        }
        if settings.second_place is not None:
            shown[CONF_SECOND_PLACE] = str(settings.second_place)
        return self.async_show_form(
            step_id="vault",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or shown
            ),
            errors=errors,
        )

    async def async_step_vault_passphrase(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new passphrase, twice; nothing keeps the one that there is."""
        errors: dict[str, str] = {}
        has_one = self._vault.source is KeySource.PASSPHRASE
        if user_input is not None:
            passphrase = user_input.get(CONF_PASSPHRASE, "")
            again = user_input.get(CONF_AGAIN, "")
            if has_one and not passphrase and not again:
                return self._save(self._vault_options)
            if len(passphrase) < PASSPHRASE_LEAST:
                errors[CONF_PASSPHRASE] = "passphrase_short"
            elif passphrase != again:
                errors[CONF_AGAIN] = "passphrases_differ"
            else:
                return await self._async_change_key(
                    _NewKey(source=KeySource.PASSPHRASE, passphrase=passphrase)
                )
        return self.async_show_form(
            step_id="vault_passphrase",
            data_schema=probatio.Schema(
                {
                    probatio.Optional(CONF_PASSPHRASE): TextSelector(_PASSWORD),
                    probatio.Optional(CONF_AGAIN): TextSelector(_PASSWORD),
                }
            ),
            errors=errors,
            description_placeholders=neutral_all({"length": str(PASSPHRASE_LEAST)}),
        )

    async def async_step_vault_key_file(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the key file lies, or shall."""
        errors: dict[str, str] = {}
        if user_input is not None:
            path = Path(user_input[CONF_KEY_FILE].strip())
            has_it = self._vault.source is KeySource.KEY_FILE
            if has_it and path == self._vault.key_file:
                return self._save(self._vault_options)
            errors = await self.hass.async_add_executor_job(
                _key_file_errors, path, Path(self.hass.config.config_dir)
            )
            if not errors and has_it and await self._vault.async_move_key_file(path):
                return self._save(self._vault_options)
            if not errors and has_it and self._vault.is_locked:
                errors[CONF_KEY_FILE] = "key_file_wrong"
            if not errors:
                try:
                    return await self._async_change_key(
                        _NewKey(source=KeySource.KEY_FILE, key_file=path)
                    )
                except VaultError:
                    errors[CONF_KEY_FILE] = "key_file_unreadable"
        shown = user_input
        if shown is None and self._vault.key_file is not None:
            shown = {CONF_KEY_FILE: str(self._vault.key_file)}
        schema = probatio.Schema({probatio.Required(CONF_KEY_FILE): TextSelector()})
        return self.async_show_form(
            step_id="vault_key_file",
            data_schema=self.add_suggested_values_to_schema(schema, shown),
            errors=errors,
        )

    async def async_step_vault_anew(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether everything that the vault keeps may be lost."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_ANEW]:
                return await self._async_change_key(self._new_key, anew=True)
            errors[CONF_ANEW] = "anew_not_confirmed"
        return self.async_show_form(
            step_id="vault_anew",
            data_schema=probatio.Schema(
                {probatio.Required(CONF_ANEW, default=False): BooleanSelector()}
            ),
            errors=errors,
        )

    async def _async_change_key(
        self, new_key: _NewKey, *, anew: bool = False
    ) -> ConfigFlowResult:
        if self._vault.is_locked and not anew:
            self._new_key = new_key
            return await self.async_step_vault_anew()
        try:
            await self._vault.async_set_source(
                new_key.source,
                passphrase=new_key.passphrase,
                key_file=new_key.key_file,
                anew=anew,
            )
        except VaultError as err:
            if err.reason is VaultProblem.KEY_FILE_UNREADABLE and not anew:
                raise
            return self.async_abort(reason="key_not_changed")
        return self._save(self._vault_options)

    async def _async_second_place_errors(self, text: str) -> dict[str, str]:
        """Return what speaks against a folder; one that is new is made a place."""
        settings = parse_vault(self.config_entry.options)
        if not text or Path(text) == settings.second_place:
            return {}
        first = first_folder(self.hass, self.config_entry.entry_id)
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                errors = await self.hass.async_add_executor_job(
                    _folder_errors, Path(text), first
                )
                if not errors:
                    await self._vault.async_establish(Path(text))
        except TimeoutError:
            return {CONF_SECOND_PLACE: "second_place_silent"}
        except VaultError:
            if self._vault.is_locked:
                return {CONF_SECOND_PLACE: "second_place_locked"}
            return {CONF_SECOND_PLACE: "second_place_unwritable"}
        return errors

    @property
    def _vault(self) -> HouseholdVault:
        entry: NightlatchConfigEntry = self.config_entry
        runtime = entry.runtime_data
        return runtime.vault

    def _save(self, changed: Mapping[str, Any]) -> ConfigFlowResult:
        """Keep everything else as it is."""
        merged = {**self.config_entry.options, **changed}
        return self.async_create_entry(
            data={key: value for key, value in merged.items() if value is not None}
        )


def _folder_errors(folder: Path, first: Path) -> dict[str, str]:
    """Return what speaks against a folder as the second place; for a thread."""
    if not folder.is_absolute():
        return {CONF_SECOND_PLACE: "second_place_not_absolute"}
    try:
        if overlap(folder, first):
            return {CONF_SECOND_PLACE: "second_place_overlaps"}
        there = folder.is_dir()
    except OSError, ValueError:
        # No path at all, or one that nobody may follow.
        there = False
    return {} if there else {CONF_SECOND_PLACE: "second_place_missing"}


def _key_file_errors(path: Path, config_folder: Path) -> dict[str, str]:
    """Return what speaks against a key file; one that is missing is made.

    For a thread.
    """
    if not path.is_absolute():
        return {CONF_KEY_FILE: "key_file_not_absolute"}
    try:
        if path.resolve().is_relative_to(config_folder.resolve()):
            return {CONF_KEY_FILE: "key_file_beside"}
        # Nobody else may have made one in between: that would be overwritten.
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        pass
    except OSError, ValueError:
        return {CONF_KEY_FILE: "key_file_unreadable"}
    else:
        with os.fdopen(made, "wb") as file:
            file.write(os.urandom(_KEY_FILE_SIZE))
            file.flush()
            os.fsync(file.fileno())
    return {}
