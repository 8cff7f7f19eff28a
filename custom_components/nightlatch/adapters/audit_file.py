"""The audit log of the household: who decided what, and what came of it."""

from functools import partial
import logging
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..core.disk import DiskFile
from ..core.records.audit import AuditLog, Detail
from ..core.records.audit_chain import AuditDamage, AuditFinding, AuditHead

_LOGGER = logging.getLogger(__name__)


class AuditFile:
    """Appends to the audit log; what goes wrong with that holds up nothing."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self._path = _path_of(hass, entry_id)
        self._file = DiskFile(self._path)
        self.log = AuditLog(self._path, dt_util.utcnow)
        self.broken: AuditFinding | None = None
        """The first place where it is not what was written, if there is one."""
        self._told = False
        """Whether a disk that refuses was told of."""

    async def async_start(self) -> None:
        """Look whether it is what was written."""
        await self._async_verify(None)

    async def async_hold_against(self, anchor: AuditHead) -> None:
        """Look whether it still has the end that it once had; see ``Ledger``."""
        await self._async_verify(anchor)

    async def _async_verify(self, anchor: AuditHead | None) -> None:
        try:
            report = await self.log.async_verify(anchor)
        except OSError as err:
            self._tell(err)
            return
        self.broken = next(
            (each for each in report.findings if each.damage is not AuditDamage.TORN),
            None,
        )
        if self.broken is not None:
            _LOGGER.warning(
                "The audit log is not what was written: %s at entry %d",
                self.broken.damage,
                self.broken.number,
            )

    async def async_head(self) -> AuditHead | None:
        """Return its end, to be kept elsewhere; None where it cannot be relied upon."""
        if self.broken is not None:
            return None
        try:
            return await self.log.async_head()
        except OSError as err:
            self._tell(err)
            return None

    async def async_append(self, event: str, /, **details: Detail) -> None:
        """Write down what was decided or done; raises nothing.

        Users are named by their ids, locks by their subentries'; no secrets.
        """
        try:
            await self.log.async_append(event, **details)
        except OSError as err:
            self._tell(err)
        else:
            self._told = False

    def _tell(self, err: OSError) -> None:
        """Log once that the disk refuses."""
        if not self._told:
            self._told = True
            _LOGGER.warning("The audit log cannot be used: %s", err)

    async def async_begin_anew(self) -> None:
        """Put a log that is broken aside, and begin another; a person knows of it."""
        if (broken := self.broken) is None:
            return
        aside = self._path.with_name(
            f"{self._path.name}.broken-{dt_util.utcnow():%Y%m%dT%H%M%S}"
        )
        try:
            await self._file.in_thread(partial(_put_aside, self._path, aside))
        except OSError as err:
            self._tell(err)
            return
        self.log = AuditLog(self._path, dt_util.utcnow)
        self.broken = None
        await self.async_append(
            "audit_begun_anew",
            broken_entry=broken.number,
            damage=str(broken.damage),
            put_aside=aside.name,
        )


async def async_delete_audit(hass: HomeAssistant, entry_id: str) -> None:
    """Delete an audit log, and what was put aside of it."""
    path = _path_of(hass, entry_id)
    await DiskFile(path).in_thread(partial(_delete, path))


def _path_of(hass: HomeAssistant, entry_id: str) -> Path:
    return Path(hass.config.path(STORAGE_DIR, f"{DOMAIN}.{entry_id}.audit"))


def _put_aside(path: Path, aside: Path) -> None:
    # What is missing altogether is broken too.
    if path.exists():
        path.rename(aside)


def _delete(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink(missing_ok=True)
