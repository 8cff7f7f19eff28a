"""A disk that is full, read-only or silent, and values that no disk can keep.

What was promised is on disk before it is said; while that cannot be, nothing is
installed, and everything that holds is written as soon as it can be.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
import errno
import inspect
import os
from typing import Any

import pytest

from custom_components.nightlatch.adapters import storage
from custom_components.nightlatch.adapters.storage import HouseholdStore
from custom_components.nightlatch.core import disk as disk_module
from custom_components.nightlatch.core.guard.hold import HoldRecord
from custom_components.nightlatch.core.preflight.base import Reason, blockers
from custom_components.nightlatch.core.records.bond import Bond
from custom_components.nightlatch.core.records.clock_record import ClockRecord
from custom_components.nightlatch.core.records.decisions import Approval, Decisions
from custom_components.nightlatch.core.records.trust import LockFloor, Trust
from custom_components.nightlatch.core.records.weekly_record import WeeklyRecord
from custom_components.nightlatch.core.versions import Version, VersionScheme
from homeassistant.config_entries import ConfigEntryState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
from homeassistant.util.file import WriteError
from homeassistant.util.json import SerializationError
from tests.home.asked import a_turn, install
from tests.home.flows import until
from tests.home.house import FRONT_DOOR, OUTCOME, House
from tests.home.test_kept import journal_path
from tests.home.test_lifecycle import begin, slow_down, speed_up

from .table import Tried


class Disk:
    """The disk below Home Assistant's storage, as far as Nightlatch's own file goes."""

    def __init__(self) -> None:
        """Begin with one that works."""
        self.fault: str | None = None
        self.writes = 0
        self.free = asyncio.Event()

    async def write(self, store: Store[Any], data: dict[str, Any]) -> None:
        """Write, or fail as Home Assistant's own way does."""
        self.writes += 1
        if self.fault == "unserialisable":
            raise SerializationError("Bad data")
        if self.fault == "silent":
            await self.free.wait()
        elif self.fault is not None:
            number = {"full": errno.ENOSPC, "read-only": errno.EROFS}[self.fault]
            cause = OSError(number, os.strerror(number))
            raise WriteError(cause) from cause
        await Store._async_write_data(store, data)

    def mend(self) -> None:
        """Let it work again."""
        self.fault = None
        self.free.set()


FAULTS = ["full", "read-only", "silent", "unserialisable"]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a disk that may fail."""
    disk = Disk()

    async def write(store: Store[Any], data: dict[str, Any]) -> None:
        await disk.write(store, data)

    monkeypatch.setattr(storage._Store, "_async_write_data", write)
    monkeypatch.setattr(disk_module, "DEADLINE", 0.3)
    return disk


def floor(number: int) -> Trust:
    """Return floors that are higher with each number."""
    return Trust(
        locks={
            "a lock": LockFloor(
                version=Version.parse(VersionScheme.DOTTED, f"1.{number}"),
                security_version=number,
                firmware_version=number,
            )
        }
    )


type Save = Callable[[HouseholdStore, str, int], Awaitable[object]]

SAVES: dict[str, Save] = {
    "raise_to": lambda store, _, n: store.raise_to(floor(n)),
    "async_take_back": lambda store, _, n: store.async_take_back(floor(n), 100 * n),
    "async_set_vault_tested": lambda store, _, n: store.async_set_vault_tested(
        datetime(2026, 1, n, tzinfo=UTC)
    ),
    "async_set_vault_suspects": lambda store, _, n: store.async_set_vault_suspects(
        (str(n),)
    ),
    "async_set_lock": lambda store, lock, n: store.async_set_lock(
        lock, replace(_record(store, lock), announced=str(n))
    ),
    "async_set_decisions": lambda store, lock, n: store.async_set_decisions(
        lock, Decisions(pinned=str(n))
    ),
    "async_set_hold": lambda store, lock, n: store.async_set_hold(
        lock, HoldRecord(held=str(n))
    ),
    "async_set_announced": lambda store, _, n: store.async_set_announced(
        date(2026, 1, n)
    ),
    "async_set_bond": lambda store, _, n: store.async_set_bond(
        "C0:11:22:33:44:55", Bond(source=str(n), name="A proxy")
    ),
    "async_set_clock": lambda store, _, n: store.async_set_clock(
        ClockRecord(
            since=datetime(2026, 1, n, tzinfo=UTC),
            seen=datetime(2026, 2, n, tzinfo=UTC),
        )
    ),
    "async_set_weekly": lambda store, _, n: store.async_set_weekly(
        WeeklyRecord(datetime(2026, 1, n, tzinfo=UTC), {})
    ),
    "async_set_digest": lambda store, _, n: store.async_set_digest((str(n),)),
    "async_remove_lock": lambda store, _, n: store.async_remove_lock(str(n)),
    "async_reset_trusted_time": lambda store, _, n: store.async_reset_trusted_time(
        datetime(2026, 2, n, tzinfo=UTC)
    ),
}
NO_CHANGES = {
    "async_close",
    "async_load",
    "async_locks_on_disk",
    "async_remove",
    "async_saved",
}
# It says whether the floors were higher; that they are not on disk a repair tells.
TELLS_OTHERWISE = {"async_take_back"}


def _record(store: HouseholdStore, lock: str) -> Any:
    record = store.lock(lock)
    assert record is not None
    return record


def issue(house: House) -> ir.IssueEntry | None:
    """Return the issue that nothing can be saved."""
    return ir.async_get(house.hass).async_get_issue("nightlatch", "unsaved")


def test_every_change_of_the_store_is_tried() -> None:
    """Also those that are added later."""
    changes = {
        name
        for name, member in inspect.getmembers(HouseholdStore)
        if inspect.iscoroutinefunction(member) and not name.startswith("_")
    }
    assert changes - NO_CHANGES == set(SAVES)


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_save_knows_whether_it_is_on_disk(
    house: House, disk: Disk, fault: str, hass_storage: dict[str, Any], attack: Tried
) -> None:
    """It is told and tried again, and a repair says so for as long."""
    store, lock = house.runtime.store, house.managed().subentry_id
    for number, (name, save) in enumerate(SAVES.items(), 2):
        disk.fault = fault
        disk.free.clear()
        if name in TELLS_OTHERWISE:
            assert await save(store, lock, number)
        else:
            with pytest.raises(OSError, match=r".") as caught:
                await save(store, lock, number)
            assert caught.value.strerror
        assert store.problem is not None, name
        await a_turn()
        found = issue(house)
        assert found is not None, name
        assert found.translation_placeholders is not None
        assert found.translation_placeholders["problem"]
        disk.mend()
        await until(lambda: not store._file._turn.overdue)
        await store.async_saved()
        assert store.problem is None, name
        await a_turn()
        assert issue(house) is None, name
        assert house.kept(hass_storage) == store._to_dict(), name
    attack(f"{fault} disk at each save", len(SAVES), "each was told, none was lost")


async def test_what_could_not_be_saved_is_tried_again_by_itself(
    house: House, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to do anything but mend the disk."""
    monkeypatch.setattr(storage, "RETRY", storage.RETRY / 1000)
    disk.fault = "full"
    with pytest.raises(OSError, match="space"):
        await house.runtime.store.raise_to(floor(1))
    disk.mend()
    await until(lambda: house.runtime.store.problem is None)
    assert issue(house) is None


async def test_saves_that_wait_are_written_together_and_in_order(
    house: House, disk: Disk, hass_storage: dict[str, Any], attack: Tried
) -> None:
    """The newest is what stays."""
    store = house.runtime.store
    before = disk.writes
    disk.fault = "silent"
    saves = [
        asyncio.ensure_future(store.async_set_digest((str(number),)))
        for number in range(100)
    ]
    await until(lambda: disk.writes > before)
    disk.mend()
    await asyncio.gather(*saves)
    assert disk.writes - before <= 2
    assert house.kept(hass_storage)["digest"] == ["99"]
    attack("saves at once", len(saves), "the newest stayed")


APPROVAL = Approval(
    version="1.1.0", sha256="00", user_id="u", user_name="U", at=datetime.now(UTC)
)
LATER = datetime.now(UTC) + timedelta(days=60)


@pytest.mark.parametrize("fault", FAULTS)
async def test_no_decision_holds_that_is_not_on_disk(
    house: House, disk: Disk, fault: str, hass_storage: dict[str, Any], attack: Tried
) -> None:
    """Who has decided is told, by the name of the lock."""
    await house.release("1.1.0")
    lock = house.managed()
    await lock.decided.async_approve(APPROVAL)
    await lock.decided.async_pin("1.0.0")
    before = lock.decisions
    decide: list[Callable[[], Awaitable[None]]] = [
        lambda: lock.decided.async_pin(None),
        lambda: lock.decided.async_skip("1.1.0"),
        lambda: lock.decided.async_postpone(LATER),
        lambda: lock.decided.async_schedule(LATER),
        lambda: lock.decided.async_approve(replace(APPROVAL, user_name="V")),
        lock.decided.async_revoke,
        lock.decided.async_unchoose,
    ]
    for each in decide:
        disk.fault = fault
        disk.free.clear()
        with pytest.raises(HomeAssistantError) as caught:
            await each()
        assert caught.value.translation_key == "decision_unsaved"
        assert "Front door" in str(caught.value)
        assert lock.decisions == before
        disk.mend()
        await until(lambda: not house.runtime.store._file._turn.overdue)
        await house.runtime.store.async_saved()
        assert house.kept(hass_storage)["decisions"][lock.subentry_id] == (
            before.to_dict()
        )
    attack(f"{fault} disk at each decision", len(decide), "none held, each was told")


async def test_nothing_is_installed_while_nothing_can_be_saved(
    house: House, disk: Disk, attack: Tried
) -> None:
    """Neither by a person nor by itself."""
    await house.release("1.1.0")
    lock = house.managed()
    disk.fault = "full"
    with pytest.raises(HomeAssistantError):
        await lock.decided.async_pin("1.0.0")
    with pytest.raises(HomeAssistantError) as caught:
        await install(lock)
    assert caught.value.translation_key == "unsaved"
    assert lock.release is not None
    assert Reason.UNSAVED in {
        check.reason
        for check in blockers(
            house.runtime.planner.checks_beforehand(lock, lock.release)
        )
    }
    assert house.locks[FRONT_DOOR].version == "1.0.0"
    disk.mend()
    await install(lock)
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    attack("installing with a full disk", 2, "nothing was installed")


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_end_that_is_not_on_disk_is_not_lost(
    house: House,
    disk: Disk,
    restarts: bool,
    monkeypatch: pytest.MonkeyPatch,
    attack: Tried,
) -> None:
    """The journal stays until it is; after a restart the lock itself is asked."""
    monkeypatch.setattr(
        "custom_components.nightlatch.install.conclusion._LOOK_AGAIN", 0.05
    )
    slow_down(house)
    await house.release("1.1.0")
    press = await begin(house)
    disk.fault = "full"
    speed_up(house)
    with pytest.raises(HomeAssistantError) as caught:
        await press
    assert caught.value.translation_key == "outcome_unsaved"
    assert journal_path(house).exists()
    if restarts:
        await house.hass.config_entries.async_unload(house.entry.entry_id)
        disk.mend()
        assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    else:
        disk.mend()
        await house.runtime.store.async_saved()
    await until(lambda: not journal_path(house).exists())
    await house.settle()
    assert house.state(OUTCOME).state == "succeeded"
    (outcome,) = house.managed().record.history
    assert outcome.to_version == "1.1.0"
    assert house.managed().floor is not None
    attack("disk full at the end", 1, "the end was kept")


async def test_a_write_that_hangs_over_a_reload_overwrites_nothing(
    house: House, disk: Disk, hass_storage: dict[str, Any], attack: Tried
) -> None:
    """Nightlatch starts when the disk answers, and not before."""
    turn = house.runtime.store._file._turn
    disk.fault = "silent"
    with pytest.raises(OSError, match="no answer"):
        await house.runtime.store.async_set_digest(("old",))
    await house.hass.config_entries.async_reload(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_RETRY
    disk.mend()
    await until(lambda: not turn.overdue)
    assert await house.hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()
    await house.runtime.store.async_set_digest(("new",))
    assert house.kept(hass_storage)["digest"] == ["new"]
    attack("reload with a write that hangs", 1, "started afterwards, nothing older won")


async def test_what_could_not_be_read_again_harms_nothing_else(
    two_doors: House, disk: Disk, attack: Tried
) -> None:
    """One lock's value stops no other lock's, and no start."""
    household = two_doors.runtime
    store, front = household.store, two_doors.managed()
    record = front.record
    poisoned = [
        replace(record, identity=replace(record.identity, battery=2**64)),
        replace(record, identity=replace(record.identity, battery=-(2**64))),
        replace(record, announced="\ud800"),
        replace(record, read_at=datetime.max.replace(tzinfo=UTC)),
        replace(record, running_since=datetime.min.replace(tzinfo=UTC)),
    ]
    for each in poisoned:
        with pytest.raises(OSError, match="read again"):
            await store.async_set_lock(front.subentry_id, each)
        assert front.unsaved is not None
        await store.async_set_decisions("other", Decisions(pinned="1"))
        assert store.problem is None
    with pytest.raises(HomeAssistantError) as caught:
        await front.decided.async_pin("\ud800")
    assert caught.value.translation_key == "decision_unsaved"
    await store.async_set_lock(front.subentry_id, record)
    assert front.unsaved is None
    await two_doors.reload()
    assert two_doors.entry.state is ConfigEntryState.LOADED
    attack("values that no disk can keep", len(poisoned) + 1, "refused one by one")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
@pytest.mark.parametrize("version", [2**63, 2**64, 2**4000])
async def test_a_version_that_no_store_can_hold_is_refused(
    house: House, role: str, version: int, attack: Tried
) -> None:
    """It leaves nothing: neither a floor nor a cache, and the feed is well afterwards."""
    kept = house.vendor.keep()
    trust = house.runtime.store.trust
    house.vendor.jump(role, version)
    await house.feed.async_refresh()
    assert house.feed.error is not None
    assert house.feed.error.reason == "feed_version_too_high"
    assert house.runtime.store.trust.feeds == trust.feeds
    await house.runtime.store.async_set_digest(("saved",))
    house.vendor.replay(kept)
    await house.feed.async_refresh()
    assert house.feed.error is None
    attack(f"{role} version of {version.bit_length()} bits", 1, "refused, nothing kept")


async def test_floors_that_are_too_high_are_kept_as_the_highest(house: House) -> None:
    """What an earlier version has written, or the vault gives back."""
    raw = floor(1).to_dict()
    raw["locks"]["a lock"]["firmware_version"] = 2**64
    store = house.runtime.store
    assert await store.async_take_back(Trust.from_dict(raw), 2**63 - 1)
    assert store.trust.locks["a lock"].firmware_version == 2**63 - 1
    assert store.problem is None
    await house.reload()
    assert house.runtime.store.trust.locks["a lock"].firmware_version == 2**63 - 1


@pytest.mark.parametrize(
    "when", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
async def test_dates_out_of_range_are_a_store_that_cannot_be_read(
    house: House,
    when: str,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And say so as any other."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    house.kept(hass_storage)["trust"]["time"] = when
    assert not await house.hass.config_entries.async_setup(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    assert house.entry.reason is not None
    assert "cannot be read" in house.entry.reason
    caplog.clear()
