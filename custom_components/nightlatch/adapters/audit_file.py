"""The audit log of the household: who decided what, and what came of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
import logging
from pathlib import Path

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import STORAGE_DIR
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.disk import DiskFile
from ..core.records.audit import AuditLog, Detail
from ..core.records.audit_chain import AuditDamage, AuditFinding, AuditHead, AuditReport
from ..core.records.audit_checkpoint import AuditKey, short_form
from ..core.records.audit_export import AuditExport
from ..core.records.audit_owed import OwedEntries
from ..core.records.pseudonyms import Person
from .audit_people import AuditPeople
from .storage import RETRY

_LOGGER = logging.getLogger(__name__)

# By entry: over a reload nothing is lost that is not on disk.
_OWED: HassKey[dict[str, OwedEntries]] = HassKey(f"{DOMAIN}_audit_owed")

PEOPLE = frozenset({"user", "approved_by"})
"""The details that name a person, by the id of an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What it came to that somebody was erased."""

    person: Person
    entries: int
    """That name their pseudonym, which is nobody's any more."""
    by_account: int
    """That name the id of their account: earlier versions have written those."""
    report: AuditReport
    """Of the whole log afterwards, held against the end that it had before."""


class AuditFile:
    """Appends to the audit log; what goes wrong with that holds up nothing, and loses none."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare; nothing is read or written yet."""
        self._hass = hass
        self._path = _path_of(hass, entry_id)
        self._file = DiskFile(self._path)
        self.log = AuditLog(self._path, dt_util.utcnow)
        self.broken: AuditFinding | None = None
        """The first place where it is not what was written, if there is one."""
        self.key: AuditKey | None = None
        """What checkpoints are signed with; None until the household's key is known."""
        self.people = AuditPeople(
            hass, self._path.with_name(f"{self._path.name}_people")
        )
        self._told = False
        """Whether a disk that refuses was told of."""
        self._owed = hass.data.setdefault(_OWED, {}).setdefault(entry_id, OwedEntries())
        self.unwritten: OSError | None = None
        """Why there are entries that are not on disk; None where all are."""
        self._on_unwritten: Callable[[], None] | None = None
        self._retry: CALLBACK_TYPE | None = None
        self._closed = False

    async def async_start(self) -> None:
        """Look whether it is what was written."""
        await self._async_verify(None)
        if self._owed:
            await self._async_try_to_write()

    @callback
    def async_on_unwritten(self, told: Callable[[], None]) -> None:
        """Call when other entries are not on disk than before, or all are again."""
        self._on_unwritten = told

    @property
    def owed(self) -> int:
        """Return how many entries are not on disk."""
        return len(self._owed)

    async def async_close(self) -> None:
        """Try once more to write what is not on disk; nothing is tried after it."""
        self._closed = True
        self._on_unwritten = None
        self._stop_retrying()
        if self._owed:
            await self._async_try_to_write()

    async def async_hold_against(self, anchor: AuditHead) -> None:
        """Look whether it still has the end that it once had; see ``Ledger``."""
        await self._async_verify(anchor)

    async def async_use_key(self, key: AuditKey, *, anew: bool = False) -> None:
        """Sign with a key from now on; what was cut off has to be signed with it.

        ``anew`` takes one in the place of one that is lost. Raises nothing.
        """
        if self.key is not None and self.key.public == key.public:
            return
        self.key = key
        if anew:
            try:
                await self.log.async_sign_anew(key)
            except OSError as err:
                self._tell(err)
        await self._async_verify(None)

    async def _async_verify(self, anchor: AuditHead | None) -> None:
        try:
            report = await self.log.async_verify(
                anchor, self.key.public if self.key else None
            )
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

        Users are named by the ids of their accounts, of which pseudonyms are written,
        locks by their subentries'; no secrets.
        """
        for name in PEOPLE & details.keys():
            if (user_id := details[name]) is not None:
                details[name] = await self.people.async_pseudonym(str(user_id))
        self._owed.add(dt_util.utcnow(), event, details)
        await self._async_try_to_write()

    async def _async_try_to_write(self) -> None:
        try:
            await self._async_write()
        except OSError as err:
            self._tell(err)
        else:
            self._told = False

    async def _async_write(self) -> None:
        """Write what is not on disk yet, in its order; raise ``OSError``.

        What the disk refuses is written with the next entry, or by itself after a while.
        """
        self._stop_retrying()
        try:
            await self._file.in_thread(partial(self._owed.write_to, self.log))
        except OSError as err:
            self._note(err)
            raise
        except asyncio.CancelledError:
            self._try_again_later()
            raise
        self._note(None)

    @callback
    def _note(self, problem: OSError | None) -> None:
        is_new = problem is not None or self.unwritten is not None
        self.unwritten = problem
        if problem is not None:
            self._try_again_later()
        if is_new and self._on_unwritten is not None:
            self._on_unwritten()

    @callback
    def _try_again_later(self) -> None:
        self._stop_retrying()
        if self._owed and not self._closed:
            self._retry = async_call_later(self._hass, RETRY, self._async_try_again)

    async def _async_try_again(self, _: datetime) -> None:
        self._retry = None
        await self._async_try_to_write()

    @callback
    def _stop_retrying(self) -> None:
        if self._retry is not None:
            self._retry()
            self._retry = None

    async def async_checkpoint(self) -> str | None:
        """Return its end as a person can keep it; None where there is nothing to keep."""
        if (head := await self.async_head()) is None or head.number == 0:
            return None
        return short_form(head.number, head.hash)

    async def async_export(self) -> AuditExport | None:
        """Return what can be shown; None where it is not what was written.

        Raises ``OSError``, also where it would not be all of it. The key has to be known.
        """
        assert self.key is not None, "it was looked"
        await self._async_write()
        return await self.log.async_export(self.key)

    async def async_shorten(self, before: datetime | None) -> None:
        """Cut off what is older, and what is too much; raises nothing."""
        if self.key is None or self.broken is not None:
            return
        try:
            await self.log.async_shorten(self.key, before)
        except OSError as err:
            self._tell(err)

    async def async_erase(
        self, person: Person, by: str | None, *, installations: int
    ) -> Erased:
        """Forget who stands behind a pseudonym, and prove that nothing else changed.

        ``by`` is the account of who wants it; ``installations`` how many in the histories
        of the locks named them. Raises ``OSError``.
        """
        before = await self.log.async_head()
        whose = await self.people.async_pseudonym(by) if by is not None else None
        await self.people.async_erase(person)
        self._owed.add(
            dt_util.utcnow(),
            "person_erased",
            {
                "person": person.pseudonym,
                "user": whose,
                "installations": installations,
            },
        )
        await self._async_write()
        report = await self.log.async_verify(
            before, self.key.public if self.key else None
        )
        return Erased(
            person=person,
            entries=await self.log.async_mentions(person.pseudonym),
            by_account=await self.log.async_mentions(person.user_id),
            report=report,
        )

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
    hass.data.get(_OWED, {}).pop(entry_id, None)
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
