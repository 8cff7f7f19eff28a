"""How locks were set, on Home Assistant's own disk: one file a lock.

Apart from what else is kept: it is bigger, it is written seldom, and if it is damaged
nothing but the comparison is lost, so it keeps no household from starting.
"""

from functools import partial
import json
import logging
from pathlib import Path
import shutil

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util.file import WriteError, write_utf8_file_atomic

from ..const import DOMAIN
from ..core.disk import DiskFile
from ..core.records.settings_record import SettingsRecord

_LOGGER = logging.getLogger(__name__)

VERSION = 1


class SnapshotFiles:
    """A folder with a file for each lock; only Home Assistant's user may read them.

    Home Assistant's own store logs a failed write and goes on; whoever wants to rely on
    a snapshot must know of it.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self._folder = Path(
            hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.snapshots")
        )
        # One for all: what is deleted must not come back by a write that was begun.
        self._disk = DiskFile(self._folder)

    async def async_load(self) -> dict[str, SettingsRecord]:
        """Return what is kept of each lock; what cannot be read is put aside."""
        return await self._disk.in_thread(self._load)

    async def async_write(self, lock_id: str, record: SettingsRecord) -> None:
        """Keep it; raise ``OSError`` where that cannot be done."""
        text = json.dumps(
            {"version": VERSION, **record.to_dict()}, indent=2, ensure_ascii=False
        )
        try:
            await self._disk.in_thread(partial(self._write, lock_id, text))
        except WriteError as err:
            raise OSError(str(err)) from err

    async def async_forget(self, lock_id: str) -> None:
        """Delete what is kept of a lock."""
        await self._disk.in_thread(partial(self._path(lock_id).unlink, True))

    async def async_remove(self) -> None:
        """Delete everything that is kept."""
        await self._disk.in_thread(partial(shutil.rmtree, self._folder, True))

    def _path(self, lock_id: str) -> Path:
        return self._folder / f"{lock_id}.json"

    def _load(self) -> dict[str, SettingsRecord]:
        records = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                records[path.stem] = _read(path)
            except (KeyError, OSError, TypeError, ValueError) as err:
                aside = path.with_suffix(".damaged")
                _LOGGER.warning(
                    "How a lock was set cannot be read (%s); the file was put aside as"
                    " %s",
                    err,
                    aside.name,
                )
                self._put_aside(path, aside)
        return records

    @staticmethod
    def _put_aside(path: Path, aside: Path) -> None:
        try:
            path.replace(aside)
        except OSError as err:
            _LOGGER.warning("%s could not be put aside: %s", path.name, err)

    def _write(self, lock_id: str, text: str) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # It is on disk when this returns.
        write_utf8_file_atomic(str(self._path(lock_id)), text, private=True)


def _read(path: Path) -> SettingsRecord:
    raw = json.loads(path.read_text(encoding="utf-8"))
    if raw["version"] != VERSION:
        raise ValueError(f"version {raw['version']} is not known")
    return SettingsRecord.from_dict(raw)
