"""Who stands in the audit log: the table of names, on Home Assistant's own disk."""

import asyncio
from functools import partial
import json
import logging
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.util.file import WriteError, write_utf8_file_atomic

from ..core.disk import DiskFile
from ..core.records.pseudonyms import Person, Pseudonyms

_LOGGER = logging.getLogger(__name__)


class AuditPeople:
    """One file of its own: the log stays as it was written when somebody is erased."""

    def __init__(self, hass: HomeAssistant, path: Path) -> None:
        """Prepare; nothing is read or written yet."""
        self._hass = hass
        self._path = path
        self._file = DiskFile(path)
        self._table: Pseudonyms | None = None
        self._saved = True
        self._turn = asyncio.Lock()

    async def async_pseudonym(self, user_id: str) -> str:
        """Return what somebody is called in the log; raises nothing.

        It is in the table before it is in the log, unless the disk refuses.
        """
        async with self._turn:
            table = await self._async_table()
            if (person := table.of(user_id)) is None:
                user = await self._hass.auth.async_get_user(user_id)
                name = (user.name or "") if user is not None else ""
                person = table.add(user_id, name)
                self._saved = False
            if not self._saved:
                try:
                    await self._async_write(table)
                except OSError as err:
                    _LOGGER.warning("The names of the audit log are not saved: %s", err)
            return person.pseudonym

    async def async_all(self) -> tuple[Person, ...]:
        """Return everybody who is in the table."""
        async with self._turn:
            return tuple(await self._async_table())

    async def async_find(self, text: str) -> tuple[Person, ...]:
        """Return who goes by a pseudonym, the id of an account, or a name."""
        async with self._turn:
            return (await self._async_table()).find(text)

    async def async_erase(self, person: Person) -> None:
        """Forget somebody; it is on disk when this returns. Raises ``OSError``."""
        async with self._turn:
            table = (await self._async_table()).without(person.pseudonym)
            await self._async_write(table)
            self._table = table

    async def async_delete_damaged(self) -> None:
        """Delete what was put aside, of which nobody can say who is in it.

        Raises ``OSError``.
        """
        async with self._turn:
            await self._async_table()
            await self._file.in_thread(
                partial(_aside(self._path).unlink, missing_ok=True)
            )

    async def _async_table(self) -> Pseudonyms:
        if self._table is None:
            try:
                self._table = await self._file.in_thread(partial(_load, self._path))
            except OSError as err:
                # For now: what is on the disk is read, and not written over, later.
                _LOGGER.warning("The names of the audit log cannot be read: %s", err)
                return Pseudonyms()
        return self._table

    async def _async_write(self, table: Pseudonyms) -> None:
        if self._table is None:
            raise OSError("what is there could not be read")
        text = json.dumps(table.to_dict(), indent=2, ensure_ascii=False)
        try:
            await self._file.in_thread(
                partial(write_utf8_file_atomic, str(self._path), text, True)
            )
        except WriteError as err:
            raise OSError(str(err)) from err
        self._saved = True


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.damaged")


def _load(path: Path) -> Pseudonyms:
    try:
        return Pseudonyms.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Pseudonyms()
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as err:
        aside = _aside(path)
        _LOGGER.warning(
            "The names of the audit log cannot be read (%r); they were put aside as %s",
            err,
            aside.name,
        )
        path.replace(aside)
        return Pseudonyms()
