"""The key of the vault: out of its wrapped key, and where that is opened from."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant

from ..adapters.wrapped_key import WrappedKey, WrappedKeyFile
from ..core.errors import VaultError, VaultProblem
from ..core.vault.keys import (
    HouseholdKey,
    KeySource,
    lock_in_storage,
    lock_with_key_file,
    lock_with_passphrase,
    source_of,
    unlock,
)

# Seconds for a key file on a disk that does not answer.
KEY_FILE_TIMEOUT = 20.0


class VaultKey:
    """The household's key, and the wrapped key that it is kept in."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self._file = WrappedKeyFile(hass, entry_id)
        self._wrapped: WrappedKey | None = None
        self.key: HouseholdKey | None = None
        """None while nobody has it."""

    @property
    def source(self) -> KeySource | None:
        """Where the key comes from; None while nobody knows."""
        try:
            return source_of(self._wrapped.content) if self._wrapped else None
        except VaultError:
            return None

    @property
    def key_file(self) -> Path | None:
        """The file that opens the wrapped key, where one does."""
        return self._wrapped.key_file if self._wrapped else None

    async def async_load(self, *, expected: bool) -> HouseholdKey:
        """Return the key out of its wrapped key; raise ``VaultError``.

        A new one where there is no wrapped key, unless one is ``expected``: KEY_LOST then.
        """
        # What was read before may have been put right since.
        self._wrapped = None
        self._wrapped = await self._file.async_load()
        if self._wrapped is None:
            if expected:
                raise VaultError(VaultProblem.KEY_LOST)
            key = HouseholdKey.new()
            await self._async_write(WrappedKey(content=lock_in_storage(key)))
        else:
            key = await self._async_out_of(self._wrapped)
        return key

    async def _async_out_of(self, wrapped: WrappedKey) -> HouseholdKey:
        try:
            async with asyncio.timeout(KEY_FILE_TIMEOUT):
                return await asyncio.to_thread(
                    unlock, wrapped.content, key_file=wrapped.key_file
                )
        except TimeoutError as err:
            raise VaultError(
                VaultProblem.KEY_FILE_UNREADABLE,
                path=str(wrapped.key_file),
                detail="its disk does not answer",
            ) from err

    async def async_unlock(self, passphrase: str) -> HouseholdKey | None:
        """Return the key; None where there is nothing to unlock.

        Raises ``VaultError``.
        """
        if self.key is not None or self._wrapped is None:
            return None
        return await asyncio.to_thread(
            unlock, self._wrapped.content, passphrase=passphrase
        )

    async def async_put(
        self,
        key: HouseholdKey,
        source: KeySource,
        *,
        passphrase: str,
        key_file: Path | None,
    ) -> None:
        """Put a key into another wrapped key; raise ``VaultError``.

        The old one counts until the new one is on disk.
        """
        content = await asyncio.to_thread(
            _lock, key, source, passphrase=passphrase, key_file=key_file
        )
        await self._async_write(WrappedKey(content=content, key_file=key_file))

    async def async_move_key_file(self, path: Path) -> HouseholdKey | None:
        """Find the key file somewhere else; None where it is not the right one.

        Raises ``VaultError`` where that could not be kept.
        """
        if self._wrapped is None:
            # Removed meanwhile.
            return None
        moved = replace(self._wrapped, key_file=path)
        try:
            key = await self._async_out_of(moved)
        except VaultError:
            return None
        await self._async_write(moved)
        return key

    async def async_remove(self) -> None:
        """Delete the wrapped key."""
        await self._file.async_remove()

    async def _async_write(self, wrapped: WrappedKey) -> None:
        try:
            await self._file.async_write(wrapped)
        except OSError as err:
            raise VaultError(
                VaultProblem.UNWRITABLE,
                place=str(self._file.path.parent),
                detail=str(err),
            ) from err
        self._wrapped = wrapped


def _lock(
    key: HouseholdKey, source: KeySource, *, passphrase: str, key_file: Path | None
) -> Mapping[str, Any]:
    """Return a new wrapped key; for a thread."""
    if source is KeySource.PASSPHRASE:
        return lock_with_passphrase(key, passphrase)
    if source is KeySource.KEY_FILE:
        assert key_file is not None, "it was asked for"
        return lock_with_key_file(key, key_file)
    return lock_in_storage(key)
