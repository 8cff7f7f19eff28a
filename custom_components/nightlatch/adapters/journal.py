"""The journal of the installation that runs, on Home Assistant's own disk."""

import json
from pathlib import Path
from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.file import WriteError, write_utf8_file_atomic

from ..const import DOMAIN
from ..core.disk import DiskFile, NoAnswerError
from ..core.installation.journal import Journal, JournalEntry


class JournalUnreadableError(ValueError):
    """Nobody knows what was under way."""


class JournalFile(Journal):
    """One file that is there only while something is under way.

    Home Assistant's own store logs a failed write and goes on; an installation must
    know of it before it touches a lock.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self._hass = hass
        self._current: JournalEntry | None = None
        self._path = Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.journal"))
        self._file = DiskFile(self._path)

    @property
    def current(self) -> JournalEntry | None:
        """What is under way, as it was written last."""
        return self._current

    async def async_load(self) -> JournalEntry | None:
        """Return what was under way, if anything was.

        Raises ``JournalUnreadableError``, or ``NoAnswerError``.
        """

        def load() -> JournalEntry | None:
            try:
                text = self._path.read_text(encoding="utf-8")
            except FileNotFoundError:
                return None
            return JournalEntry.from_dict(json.loads(text))

        try:
            self._current = await self._file.in_thread(load)
        except NoAnswerError:
            # Whoever waits long enough will know.
            raise
        except (OSError, ValueError) as err:
            raise JournalUnreadableError(str(err)) from err
        return self._current

    async def async_forget(
        self, *, lock_id: str | None = None, attempt: str | None = None
    ) -> None:
        """Delete the file if it is about a lock that is gone, or a certain attempt.

        Raises ``OSError``.
        """

        async def forget() -> None:
            current = self._current
            if current is not None and (
                current.lock_id == lock_id or current.attempt == attempt
            ):
                await self._delete()

        await self._file.use(forget)

    @override
    async def write(self, entry: JournalEntry) -> None:
        """Write the entry; see ``Journal``."""
        text = json.dumps(entry.to_dict(), indent=2)

        async def write() -> None:
            await self._hass.async_add_executor_job(self._write, text)
            self._current = entry

        try:
            await self._file.use(write)
        except WriteError as err:
            raise OSError(str(err)) from err

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(exist_ok=True)
        # It is on disk when this returns.
        write_utf8_file_atomic(str(self._path), text, private=True)

    @override
    async def clear(self) -> None:
        """Delete the file; see ``Journal``."""
        await self._file.use(self._delete)

    async def _delete(self) -> None:
        await self._hass.async_add_executor_job(self._path.unlink, True)
        self._current = None
