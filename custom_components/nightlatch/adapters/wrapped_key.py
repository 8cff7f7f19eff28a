"""The wrapped key of the vault, on Home Assistant's own disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.file import WriteError, write_utf8_file_atomic

from ..const import DOMAIN
from ..core.disk import DiskFile, NoAnswerError
from ..core.errors import VaultError, VaultProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """The household's key as it is kept, and where the file lies that opens it."""

    content: Mapping[str, Any]
    """See ``core.vault.keys``."""
    key_file: Path | None = None


class WrappedKeyFile:
    """One file of its own, written seldom and never without being sure of it.

    Home Assistant's own store logs a failed write and goes on; a key that was lost that
    way takes all that is kept under it along.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self.path = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.lockbox"))
        self._file = DiskFile(self.path)

    async def async_load(self) -> WrappedKey | None:
        """Return the wrapped key, if there is one; raise ``VaultError``: KEY_LOST."""

        def load() -> WrappedKey | None:
            try:
                raw = json.loads(self.path.read_text(encoding="utf-8"))
                key_file = raw["key_file"]
                return WrappedKey(
                    content=dict(raw["lockbox"]),
                    key_file=None if key_file is None else Path(key_file),
                )
            except FileNotFoundError:
                return None
            except (KeyError, OSError, TypeError, ValueError) as err:
                raise VaultError(VaultProblem.KEY_LOST) from err

        try:
            return await self._file.in_thread(load)
        except NoAnswerError as err:
            raise VaultError(VaultProblem.KEY_LOST) from err

    async def async_write(self, wrapped: WrappedKey) -> None:
        """Write it; raise ``OSError``. It is on disk when this returns."""
        text = json.dumps(
            {
                "lockbox": wrapped.content,
                "key_file": str(wrapped.key_file) if wrapped.key_file else None,
            }
        )

        def write() -> None:
            self.path.parent.mkdir(exist_ok=True)
            write_utf8_file_atomic(str(self.path), text, private=True)

        try:
            await self._file.in_thread(write)
        except WriteError as err:
            raise OSError(str(err)) from err

    async def async_remove(self) -> None:
        """Delete it."""
        await self._file.in_thread(partial(self.path.unlink, True))
