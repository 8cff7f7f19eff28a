"""What is kept over a restart, in Home Assistant's own storage."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta
import errno
from functools import partial
import logging
from pathlib import Path
from typing import Any, override

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from homeassistant.util.json import SerializationError, json_loads_object

from ..const import DOMAIN
from ..core.disk import DiskFile
from ..core.guard.hold import HoldRecord
from ..core.records.bond import Bond
from ..core.records.clock_record import ClockRecord
from ..core.records.decisions import Decisions
from ..core.records.ends_report import Reported
from ..core.records.lock_record import LockRecord
from ..core.records.stored import (
    MAX_WHOLE,
    as_day,
    as_floor,
    as_text,
    as_time,
    optional,
)
from ..core.records.trust import Trust, TrustStore
from ..core.records.weekly_record import WeeklyRecord
from ..core.schedule.stage import as_secret, lots_of, new_secret

_LOGGER = logging.getLogger(__name__)

RETRY = timedelta(seconds=30)
"""After which what could not be saved is tried again."""

_GATHERS_FOR = 2.0
"""Seconds for which what is to be written waits for more at the most."""
_QUIET_FOR = 0.05
"""Seconds without anything new, after which it waits no longer."""
_GO_ON = 4
"""So many of those who have waited for a write go on in one turn of the loop."""

_VERSION = 1
_MINOR_VERSION = 5


class _Store(Store[dict[str, Any]]):
    """The file, with what earlier versions of Nightlatch have written into it."""

    async def async_write(self, data: dict[str, Any]) -> None:
        """Write it; return when it is on disk, also while Home Assistant stops.

        ``async_save`` only logs where that cannot be done. Raises ``OSError``.
        """
        async with self._write_lock:
            self._manager.async_invalidate(self.key)
            try:
                await self._async_write_data(
                    {
                        "version": self.version,
                        "minor_version": self.minor_version,
                        "key": self.key,
                        "data": data,
                    }
                )
            except WriteError as err:
                cause = err.__cause__
                raise (
                    cause if isinstance(cause, OSError) else OSError(str(err))
                ) from err
            except (SerializationError, TypeError, ValueError) as err:
                raise OSError(errno.EINVAL, f"it cannot be written: {err}") from err

    @override
    async def _async_migrate_func(
        self, old_major_version: int, old_minor_version: int, old_data: dict[str, Any]
    ) -> dict[str, Any]:
        """Add what earlier versions did not know; raise for a later major one."""
        if old_major_version > _VERSION:
            raise NotImplementedError
        if old_minor_version < 2:
            old_data = _with_history(old_data)
        return {
            "holds": {},
            "generation": 0,
            "vault_tested": None,
            "vault_suspects": [],
            "digest_held": {},
            "bonds": {},
            **old_data,
        }


def _with_history(old_data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of the first version with what the second one has added."""
    for record in old_data["locks"].values():
        outcome = record.pop("outcome")
        record["batteries"] = []
        record["history"] = [] if outcome is None else [_completed(outcome)]
    return {**old_data, "decisions": {}, "announced_night": None, "digest": []}


def _completed(outcome: dict[str, Any]) -> dict[str, Any]:
    """Return an outcome as the first version kept it, with what is kept now."""
    return {
        **outcome,
        "attempt": f"before-{outcome['ended']}",
        "origin": "person",
        "started": outcome["ended"],
        "sha256": None,
        "touched": outcome["kind"] != "cancelled",
        "reason": None,
        "approval": None,
        "environment": "",
    }


@contextmanager
def unsaved_for_now(name: str) -> Iterator[None]:
    """Go on where something could not be saved.

    It holds in memory, is tried again, and a repair tells of it.
    """
    try:
        yield
    except OSError as err:
        _LOGGER.debug("%s is not saved: %s", name, err)


class HouseholdStore(TrustStore):
    """Trust, and what is known and decided of the locks; written at once, atomically.

    It lies apart from the caches of the feeds, so that deleting those makes nothing
    acceptable that was not before.

    Everything that changes something returns when it is on disk, and raises ``OSError``
    where that cannot be done. What holds in memory then is tried again by itself; what
    could not be read back is refused at once, and harms nothing else.
    """

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Prepare the store; ``async_load`` reads it."""
        self._hass = hass
        self._store = _Store(
            hass,
            _VERSION,
            f"{DOMAIN}.{entry_id}",
            private=True,
            atomic_writes=True,
            minor_version=_MINOR_VERSION,
        )
        self._file = DiskFile(Path(self._store.path))
        self._changes = self._saved = 0
        """How often something was changed, and how many of these changes are on disk."""
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        """Set while somebody waits who has nobody to wait for."""
        self._retry: CALLBACK_TYPE | None = None
        self._closed = False
        self._told: Callable[[], None] | None = None
        self._removed: set[str] = set()
        """The ids of locks that are gone: what was under way may still tell of them."""
        self._refused: dict[tuple[type, str], OSError] = {}
        """Why something about a lock was refused, by what it is and the lock's id."""
        self.problem: OSError | None = None
        """Why nothing can be saved; None while it can."""
        self._trust = Trust()
        self._locks: dict[str, LockRecord] = {}
        self._decisions: dict[str, Decisions] = {}
        self._holds: dict[str, HoldRecord] = {}
        self.generation = 0
        """Rises with the floors; one that is lower than the vault's is out of a backup."""
        self.vault_tested: datetime | None = None
        """When all copies in the vault were tested last; aware, UTC."""
        self.vault_suspects: tuple[str, ...] = ()
        """The digests of artifacts of which no good copy was left then."""
        self._stages = new_secret()
        """What the lots are drawn from by which releases are let out in stages."""
        self._reported: dict[str, Reported] = {}
        """What vendors were told already, by the ids of their feeds."""
        self._bonds: dict[str, Bond] = {}
        """What locks are paired with, by their addresses."""
        self.announced_night: date | None = None
        """The last night of which people were told."""
        self.clock: ClockRecord | None = None
        """How the clock has gone on."""
        self.weekly: WeeklyRecord | None = None
        """What the locks needed when they were assessed last."""
        self.digest: tuple[str, ...] = ()
        """What people will be told in the morning."""
        self.digest_held: Mapping[str, str] = {}
        """What they will be told of each lock that still waits then, by its id."""

    async def async_load(self, *, expected: bool) -> None:
        """Read what was kept; raise ``ValueError`` where it cannot be understood.

        Or where nothing is ``expected`` to be missing: Home Assistant puts a damaged
        file aside and goes on as if there had never been one. Raises ``OSError`` where
        the disk does not answer.
        """
        try:
            # One before this may still be about to write.
            data = await self._file.use(self._store.async_load)
            if data is not None:
                self._trust = Trust.from_dict(data["trust"])
                self._locks = {
                    subentry_id: LockRecord.from_dict(raw)
                    for subentry_id, raw in data["locks"].items()
                }
                self._decisions = {
                    subentry_id: Decisions.from_dict(raw)
                    for subentry_id, raw in data["decisions"].items()
                }
                self._holds = {
                    subentry_id: HoldRecord.from_dict(raw)
                    for subentry_id, raw in data["holds"].items()
                }
                # Earlier versions drew no lots.
                self._stages = as_secret(data.get("stages", self._stages))
                # Nor told anybody anything.
                self._reported = {
                    as_text(feed_id): Reported.from_dict(raw)
                    for feed_id, raw in data.get("reported", {}).items()
                }
                self.generation = as_floor(data["generation"])
                self.vault_tested = optional(as_time, data["vault_tested"])
                self.vault_suspects = _texts(data["vault_suspects"])
                self._bonds = {
                    as_text(address): Bond.from_dict(raw)
                    for address, raw in data["bonds"].items()
                }
                self.announced_night = optional(as_day, data["announced_night"])
                # Earlier versions believed any clock.
                self.clock = optional(
                    partial(_record, ClockRecord.from_dict), data.get("clock")
                )
                # And assessed nothing.
                self.weekly = optional(
                    partial(_record, WeeklyRecord.from_dict), data.get("weekly")
                )
                self.digest = _texts(data["digest"])
                self.digest_held = _texts_by_id(data["digest_held"])
        except (
            AttributeError,
            HomeAssistantError,
            KeyError,
            NotImplementedError,
            TypeError,
        ) as err:
            raise ValueError(f"Not what Nightlatch keeps: {err!r}") from err
        if data is None and expected:
            raise ValueError("What Nightlatch keeps is missing")
        if data is None or "stages" not in data:
            with unsaved_for_now("What Nightlatch keeps"):
                await self._async_save()

    @callback
    def async_on_problem(self, told: Callable[[], None]) -> None:
        """Call when nothing can be saved any more, or everything again."""
        self._told = told

    def problem_of(self, subentry_id: str) -> OSError | None:
        """Return why what is known or decided of a lock is not saved; None if it is."""
        refused = (err for (_, of), err in self._refused.items() if of == subentry_id)
        return self.problem or next(refused, None)

    async def async_saved(self, *, gathers: bool = False) -> None:
        """Return when all that was changed before the call is on disk; raise ``OSError``.

        What is changed while something is being written is written with the next one:
        one write at a time, each with everything. ``gathers`` tells that others may be
        about to change something as well: it waits a moment for them.
        """
        if self._saved >= self._changes:
            return
        if not gathers:
            self._hurry.set()
        ended = self._hass.loop.create_future()
        self._waiting.append((self._changes, ended))
        if self._writing is None or self._writing.done():
            # Of nobody: it goes on when whoever waits for it is cancelled.
            self._writing = self._hass.async_create_task(
                self._async_write(), f"save {self._store.key}"
            )
        await ended

    async def _async_save(self, *, gathers: bool = False) -> None:
        self._changes += 1
        await self.async_saved(gathers=gathers)

    async def _async_gather(self) -> None:
        """Return once nobody adds anything, or somebody is in a hurry."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GATHERS_FOR):
                changes = None
                while changes != self._changes and not self._hurry.is_set():
                    changes = self._changes
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_QUIET_FOR):
                            await self._hurry.wait()
        self._hurry.clear()

    async def _async_write(self) -> None:
        """Write until everything is on disk, or cannot be written."""
        while self._saved < self._changes:
            await self._async_gather()
            covers = self._changes
            try:
                await self._file.use(partial(self._store.async_write, self._to_dict()))
            except OSError as err:
                self._note(err)
                return
            except Exception as err:
                # A mistake of ours must not let everybody wait for ever.
                _LOGGER.exception("What Nightlatch keeps was not saved")
                self._note(OSError(errno.EINVAL, type(err).__name__))
                return
            self._saved = covers
            self._note(None)

    @callback
    def _note(self, problem: OSError | None) -> None:
        """Tell whoever waits, and everybody where that is new."""
        self._stop_retrying()
        if problem is not None and not self._closed:
            self._retry = async_call_later(self._hass, RETRY, self._async_try_again)
        is_new = (problem is None) is not (self.problem is None)
        self.problem = problem
        if is_new and problem is not None:
            _LOGGER.warning("What Nightlatch keeps cannot be saved: %s", problem)
        waiting, self._waiting = self._waiting, []
        over: list[asyncio.Future[None]] = []
        for change, ended in waiting:
            if problem is not None or change <= self._saved:
                over.append(ended)
            else:
                self._waiting.append((change, ended))
        self._end(over, problem)
        if is_new and self._told is not None:
            self._told()

    @callback
    def _end(
        self, waiting: Sequence[asyncio.Future[None]], problem: OSError | None
    ) -> None:
        """Let waits end, a few in one turn: whoever has waited goes on with something."""
        for ended in waiting[:_GO_ON]:
            if ended.done():
                continue
            if problem is None:
                ended.set_result(None)
            else:
                ended.set_exception(OSError(problem.errno, told_problem(problem)))
                # Seen, also where whoever has waited was cancelled.
                ended.exception()
        if left := waiting[_GO_ON:]:
            self._hass.loop.call_soon(self._end, left, problem)

    async def _async_try_again(self, _: datetime) -> None:
        self._retry = None
        with unsaved_for_now("What Nightlatch keeps"):
            await self.async_saved()

    @callback
    def _stop_retrying(self) -> None:
        if self._retry is not None:
            self._retry()
            self._retry = None

    async def async_close(self) -> None:
        """Wait until everything is on disk; what cannot be saved now is lost."""
        self._closed = True
        self._told = None
        self._stop_retrying()
        with unsaved_for_now("What Nightlatch keeps"):
            await self.async_saved()

    def _check_readable(
        self, subentry_id: str, kept: LockRecord | Decisions | HoldRecord
    ) -> None:
        """Raise ``OSError`` for what of one lock could not be read back."""
        about = (type(kept), subentry_id)
        try:
            _check_readable(kept.to_dict(), type(kept).from_dict)
        except OSError as err:
            self._refused[about] = err
            raise
        self._refused.pop(about, None)

    def _to_dict(self) -> dict[str, Any]:
        return {
            "trust": self._trust.to_dict(),
            "locks": {key: record.to_dict() for key, record in self._locks.items()},
            "decisions": {
                key: decisions.to_dict() for key, decisions in self._decisions.items()
            },
            "holds": {key: hold.to_dict() for key, hold in self._holds.items()},
            "stages": self._stages,
            "reported": {key: each.to_dict() for key, each in self._reported.items()},
            "generation": self.generation,
            "vault_tested": (
                self.vault_tested.isoformat() if self.vault_tested else None
            ),
            "vault_suspects": list(self.vault_suspects),
            "bonds": {address: bond.to_dict() for address, bond in self._bonds.items()},
            "announced_night": (
                self.announced_night.isoformat() if self.announced_night else None
            ),
            "clock": self.clock.to_dict() if self.clock else None,
            "weekly": self.weekly.to_dict() if self.weekly else None,
            "digest": list(self.digest),
            "digest_held": dict(self.digest_held),
        }

    @property
    @override
    def trust(self) -> Trust:
        """Return the floors; see ``TrustStore``."""
        return self._trust

    @override
    async def raise_to(self, trust: Trust) -> None:
        """Merge into the floors; see ``TrustStore``."""
        if self._merge(trust, self.generation):
            self._changes += 1
        await self.async_saved()

    async def async_reset_trusted_time(self, now: datetime) -> None:
        """Let the trusted time be now, because a person says so; no other floor sinks.

        Raises ``OSError``; it holds all the same.
        """
        resets = min(self._trust.time_resets + 1, MAX_WHOLE)
        await self.raise_to(Trust(time=now, time_resets=resets))

    async def async_take_back(self, trust: Trust, generation: int) -> bool:
        """Merge floors that were written elsewhere; return whether they were higher.

        Then what is kept here was older than it should be. It goes on above both.
        """
        if not self._merge(trust, generation):
            return False
        with unsaved_for_now("What the vault knows"):
            await self._async_save()
        return True

    def _merge(self, trust: Trust, generation: int) -> bool:
        """Merge into the floors; return whether anything was higher."""
        merged = self._trust.merged(trust)
        if merged == self._trust and generation <= self.generation:
            return False
        _check_readable(merged.to_dict(), Trust.from_dict)
        self._trust = merged
        self.generation = min(max(self.generation, generation) + 1, MAX_WHOLE)
        return True

    async def async_set_vault_tested(self, at: datetime) -> None:
        """Keep when all copies in the vault were tested."""
        self.vault_tested = at
        await self._async_save()

    async def async_set_vault_suspects(self, suspects: tuple[str, ...]) -> None:
        """Keep of which artifacts no good copy is left: a start does not read them."""
        if suspects != self.vault_suspects:
            self.vault_suspects = suspects
            self._changes += 1
        await self.async_saved()

    @property
    def locks(self) -> Mapping[str, LockRecord]:
        """Return what is known of all locks, by their ids."""
        return self._locks

    async def async_locks_on_disk(self) -> list[LockRecord]:
        """Return what is kept of all locks, as the file has it; raise ``OSError``."""
        await self.async_saved()
        try:
            kept = await self._file.use(self._store.async_load)
            raw = kept["locks"] if kept is not None else {}
            return [LockRecord.from_dict(each) for each in raw.values()]
        except (
            AttributeError,
            HomeAssistantError,
            KeyError,
            TypeError,
            ValueError,
        ) as err:
            raise OSError(errno.EINVAL, f"it cannot be read again: {err}") from err

    def lock(self, subentry_id: str) -> LockRecord | None:
        """Return what is known of a lock."""
        return self._locks.get(subentry_id)

    async def async_set_lock(
        self, subentry_id: str, record: LockRecord, *, gathers: bool = False
    ) -> None:
        """Keep what is known of a lock; see ``async_saved``."""
        if subentry_id in self._removed:
            return
        self._check_readable(subentry_id, record)
        self._locks[subentry_id] = record
        await self._async_save(gathers=gathers)

    def decisions(self, subentry_id: str) -> Decisions:
        """Return what people have decided about a lock."""
        return self._decisions.get(subentry_id, Decisions())

    async def async_set_decisions(
        self, subentry_id: str, decisions: Decisions, *, gathers: bool = False
    ) -> None:
        """Keep what people have decided about a lock; see ``async_saved``."""
        if subentry_id in self._removed:
            return
        self._check_readable(subentry_id, decisions)
        self._decisions[subentry_id] = decisions
        await self._async_save(gathers=gathers)

    @callback
    def async_restore_decisions(self, subentry_id: str, decisions: Decisions) -> None:
        """Keep again what was decided before something that could not be saved."""
        if subentry_id in self._removed:
            return
        self._decisions[subentry_id] = decisions
        self._refused.pop((Decisions, subentry_id), None)
        self._changes += 1

    def hold(self, subentry_id: str) -> HoldRecord:
        """Return what is known of our hold on a lock's source."""
        return self._holds.get(subentry_id, HoldRecord())

    async def async_set_hold(self, subentry_id: str, hold: HoldRecord) -> None:
        """Keep what is known of our hold on a lock's source.

        A broker or a hub offers something for all its locks at once: that is gathered.
        """
        if subentry_id in self._removed:
            return
        self._check_readable(subentry_id, hold)
        self._holds[subentry_id] = hold
        await self._async_save(gathers=True)

    def lots(self, key: str) -> bytes:
        """Return what a lock draws its lots from; ``key`` is what it is known by."""
        return lots_of(self._stages, key)

    @property
    def reported_feeds(self) -> set[str]:
        """Return the ids of all feeds whose vendors were told anything, or may be."""
        return set(self._reported)

    def reported(self, feed_id: str) -> Reported | None:
        """Return what a vendor was told already; None where telling has not begun."""
        return self._reported.get(feed_id)

    @callback
    def async_note_reported(self, feed_id: str, reported: Reported | None) -> None:
        """Note what a vendor was told, or that telling has ended; saved by the next save."""
        if reported is None:
            self._reported.pop(feed_id, None)
        else:
            self._reported[feed_id] = reported
        self._changes += 1

    def bond(self, address: str) -> Bond | None:
        """Return what the lock at an address is paired with, as far as is known."""
        return self._bonds.get(address)

    async def async_set_bond(self, address: str, bond: Bond) -> None:
        """Keep what a lock is paired with; it is so, whoever takes care of the lock."""
        if self._bonds.get(address) == bond:
            return
        self._bonds[address] = bond
        await self._async_save()

    async def async_set_announced(self, night: date) -> None:
        """Keep that people were told of a night."""
        self.announced_night = night
        await self._async_save()

    async def async_set_clock(self, clock: ClockRecord) -> None:
        """Keep how the clock has gone on."""
        self.clock = clock
        await self._async_save()

    async def async_set_weekly(self, weekly: WeeklyRecord) -> None:
        """Keep what the locks need this week."""
        _check_readable(weekly.to_dict(), WeeklyRecord.from_dict)
        self.weekly = weekly
        await self._async_save()

    async def async_set_digest(
        self, digest: tuple[str, ...], held: Mapping[str, str] | None = None
    ) -> None:
        """Keep what people will be told in the morning.

        ``held`` is what of locks that still wait, by their ids; None for as it is.
        """
        held = self.digest_held if held is None else held
        _check_readable({"digest": list(digest)}, lambda raw: _texts(raw["digest"]))
        _check_readable(held, _texts_by_id)
        self.digest, self.digest_held = digest, dict(held)
        await self._async_save()

    async def async_remove_lock(self, subentry_id: str) -> None:
        """Forget a lock; its version floor is kept, for the same lock may come back."""
        self._removed.add(subentry_id)
        self._locks.pop(subentry_id, None)
        self._decisions.pop(subentry_id, None)
        self._holds.pop(subentry_id, None)
        self.digest_held = {
            key: text for key, text in self.digest_held.items() if key != subentry_id
        }
        for kind in (LockRecord, Decisions, HoldRecord):
            self._refused.pop((kind, subentry_id), None)
        await self._async_save()

    async def async_remove(self) -> None:
        """Delete everything that is kept."""
        await self._file.use(self._store.async_remove)


def _texts(raw: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(as_text, raw))


def _record[T](read: Callable[[Mapping[str, Any]], T], raw: object) -> T:
    if not isinstance(raw, Mapping):
        raise TypeError(f"{raw!r} is no record")
    return read(raw)


def _texts_by_id(raw: Mapping[str, object]) -> dict[str, str]:
    return {key: as_text(text) for key, text in raw.items()}


def _check_readable(
    raw: Mapping[str, Any], read: Callable[[dict[str, Any]], object]
) -> None:
    """Raise ``OSError`` for what could not be written, or not be read back."""
    try:
        read(json_loads_object(json_bytes(raw)))
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise OSError(errno.EINVAL, f"it could not be read again: {err}") from err


def told_problem(err: OSError) -> str:
    """Return what is wrong, in the words of the system."""
    return err.strerror or str(err) or type(err).__name__
