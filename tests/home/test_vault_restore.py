"""A restored backup: floors do not sink, copies merge, and the audit log says it."""

import copy
from dataclasses import replace
from datetime import timedelta
import json
from pathlib import Path
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_capture_events  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN, EVENT_NIGHTLATCH
from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.records.trust import MAX_HALTS, Halts, Trust
from custom_components.nightlatch.logbook import async_describe_events
from homeassistant.core import Event
from homeassistant.data_entry_flow import FlowResultType
from tests.rig.lock import Mode

from .asked import read
from .flows import until
from .house import FRONT_DOOR, House
from .test_vault_key import PASSPHRASE, choose_passphrase
from .vaulted import (
    audited,
    begin_fix,
    blobs,
    first_place,
    go_on,
    issues,
    kept,
    look,
    restart,
    set_second_place,
    storage,
)


class Backup:
    """All that Nightlatch keeps, at one moment."""

    def __init__(self, house: House, folder: Path, stored: dict[str, Any]) -> None:
        """Copy it, as Home Assistant's backup does."""
        self.house = house
        self.folder = folder / "backup"
        self.folder.mkdir()
        self.stored = stored
        self.content = copy.deepcopy(stored[storage(house).name])
        for path in self.paths(storage(house).parent):
            put(path, self.folder)

    def paths(self, folder: Path) -> list[Path]:
        """Return what is Nightlatch's in a folder."""
        return sorted(folder.glob(f"{storage(self.house).name}*"))

    async def restore(self) -> None:
        """Put it back in place of what there is, and start."""
        house = self.house
        await house.hass.config_entries.async_unload(house.entry.entry_id)
        folder = storage(house).parent
        for path in self.paths(folder):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        for path in self.paths(self.folder):
            put(path, folder)
        self.stored[storage(house).name] = copy.deepcopy(self.content)
        assert await house.hass.config_entries.async_setup(house.entry.entry_id)
        await house.settle()


def put(path: Path, folder: Path) -> None:
    """Copy a file or a folder into a folder."""
    if path.is_dir():
        shutil.copytree(path, folder / path.name)
    else:
        shutil.copy(path, folder / path.name)


def described(house: House, event: Event) -> str:
    """Return the logbook's line for an event."""
    lines: list[str] = []

    def describe(_domain: str, _event: str, line: Any) -> None:
        found = line(event)
        lines.append(f"{found['name']} {found['message']}")

    async_describe_events(house.hass, describe)
    return lines[0]


async def test_floors_do_not_sink(
    house: House,
    elsewhere: Path,
    hass_storage: dict[str, Any],
) -> None:
    """The second place knows better than a backup of everything else."""
    await set_second_place(house, elsewhere / "second")
    await look(house)
    backup = Backup(house, elsewhere, hass_storage)
    generation = house.runtime.store.generation
    await house.release("1.1.0")
    await house.install()
    await look(house)
    floors = house.runtime.store.trust
    newest = house.runtime.store.generation
    assert newest > generation
    events = async_capture_events(house.hass, EVENT_NIGHTLATCH)

    # The door's lock is out of reach, so nobody can ask it what it runs.
    house.locks[FRONT_DOOR].cut_power()
    await backup.restore()
    store = house.runtime.store
    assert store.trust.locks == floors.locks
    assert store.trust.locks[FRONT_DOOR].version.text == "1.1.0"
    assert floors.time is not None
    assert store.trust.time is not None
    assert store.trust.time >= floors.time
    assert store.generation > newest
    (entry,) = await audited(house, "backup_restored")
    assert entry.details["stored"] == generation
    assert entry.details["found"] == newest
    (event,) = [each for each in events if each.data["type"] == "backup_restored"]
    assert described(house, event) == (
        "Nightlatch has taken over the floors of its vault: a backup was restored"
    )
    assert any("A backup was restored" in each for each in store.digest)
    # What the backup did not have has come from the second place.
    assert kept(house) == {"1.0.0", "1.1.0"}
    assert len(blobs(first_place(house))) == 2
    assert await issues(house) == {}

    # It is told once.
    await restart(house)
    assert len(await audited(house, "backup_restored")) == 1
    house.locks[FRONT_DOOR].restore_power()
    await until(lambda: house.locks[FRONT_DOOR].mode is Mode.APPLICATION)
    await house.settle()


async def test_a_backup_that_is_all_there_is(
    house: House,
    elsewhere: Path,
    hass_storage: dict[str, Any],
) -> None:
    """Without a second place the lock itself raises its floor again."""
    await look(house)
    backup = Backup(house, elsewhere, hass_storage)
    await house.release("1.1.0")
    await house.install()
    await backup.restore()
    assert await audited(house, "backup_restored") == []
    await read(house.managed())
    await house.settle()
    floor = house.runtime.store.trust.locks[FRONT_DOOR]
    assert floor.version.text == "1.1.0"
    assert await issues(house) == {}


async def test_only_the_storage_was_put_back(
    house: House,
    elsewhere: Path,
    hass_storage: dict[str, Any],
) -> None:
    """The first place knows better, too."""
    await look(house)
    backup = Backup(house, elsewhere, hass_storage)
    await house.check()
    await look(house)
    newest = house.runtime.store.generation
    shutil.rmtree(backup.folder / first_place(house).name)
    put(first_place(house), backup.folder)
    await backup.restore()
    assert house.runtime.store.generation > newest
    assert len(await audited(house, "backup_restored")) == 1


@pytest.mark.usefixtures("quick_argon2")
async def test_a_locked_vault_knows_better_later(
    house: House,
    elsewhere: Path,
    hass_storage: dict[str, Any],
) -> None:
    """Its ledger cannot be read before the passphrase is entered."""
    await set_second_place(house, elsewhere / "second")
    await choose_passphrase(house)
    await look(house)
    backup = Backup(house, elsewhere, hass_storage)
    await house.release("1.1.0")
    await house.install()
    await look(house)
    floors = house.runtime.store.trust.locks
    house.locks[FRONT_DOOR].cut_power()
    await backup.restore()
    assert house.runtime.store.trust.locks != floors
    await house.runtime.vault.async_unlock(PASSPHRASE)
    await house.settle()
    assert house.runtime.store.trust.locks == floors
    assert len(await audited(house, "backup_restored")) == 1
    house.locks[FRONT_DOOR].restore_power()
    await until(lambda: house.locks[FRONT_DOOR].mode is Mode.APPLICATION)
    await house.settle()


async def test_a_second_place_that_comes_back_late(
    house: House,
    elsewhere: Path,
    hass_storage: dict[str, Any],
) -> None:
    """What it knows better is taken over then, whatever the numbers say by now."""
    second = elsewhere / "second"
    await set_second_place(house, second)
    await look(house)
    backup = Backup(house, elsewhere, hass_storage)
    await house.release("1.1.0")
    await house.install()
    await look(house)
    floors = house.runtime.store.trust.locks
    away = elsewhere / "away"
    house.locks[FRONT_DOOR].cut_power()
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    second.rename(away)
    await backup.restore()
    for _ in range(20):
        await house.check()
    await look(house)
    assert house.runtime.store.trust.locks != floors
    away.rename(second)
    await look(house, timedelta(minutes=6))
    assert house.runtime.store.trust.locks == floors
    assert len(await audited(house, "backup_restored")) == 1
    house.locks[FRONT_DOOR].restore_power()
    await until(lambda: house.locks[FRONT_DOOR].mode is Mode.APPLICATION)
    await house.settle()


async def test_a_ledger_that_is_not_understood(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A later version of Nightlatch has written it, or a disk has spoilt it."""
    await look(house)
    vault = house.runtime.vault.open_vault()
    await vault.write_ledger({"generation": "many"})
    await house.runtime.vault.async_open()
    assert "A ledger of the vault is not understood" in caplog.text
    (ledger,) = first_place(house).glob("*.ledger")
    ledger.write_bytes(b"\0" * 200)
    await restart(house)
    (refused,) = await audited(house, "vault_ledger_refused")
    assert refused.details["place"] == "first"
    # It has been written anew.
    await restart(house)
    assert len(await audited(house, "vault_ledger_refused")) == 1


async def test_a_ledger_that_cannot_be_written(house: House) -> None:
    """It is tried again with the next look."""
    await look(house)
    await house.check()
    vault = house.runtime.vault
    opened = vault.open_vault()

    async def refuse(*_: object) -> None:
        raise VaultError(VaultProblem.FULL, place="/", detail="No space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "write_ledger", refuse)
        await vault.async_write_ledger()
    assert vault.ledger.written != house.runtime.store.generation
    await look(house)
    assert vault.ledger.written == house.runtime.store.generation


async def test_feeds_that_halt_without_end_keep_no_vault_shut(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """They are never forgotten; what does not fit into its ledger is left out, and told."""
    store, vault = house.runtime.store, house.runtime.vault
    (floor,) = store.trust.feeds.values()
    listed = {
        ("\U0001f512" * 60 + chr(65 + number // 64), f"{number:064x}"): True
        for number in range(MAX_HALTS)
    }
    loud = replace(floor, halts=Halts().then(3, 7, listed))
    await store.raise_to(
        Trust(feeds={f"{number:064x}": loud for number in range(8)}),
    )
    await vault.async_write_ledger()
    assert vault.ledger.written == store.generation
    assert "has room for" in caplog.text
    feeds = store.trust.feeds
    await house.reload()
    assert house.runtime.vault.problem is None
    assert house.runtime.store.trust.feeds == feeds


async def test_a_storage_from_before_there_was_a_vault(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """It is understood, and a vault begins."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    stored = hass_storage[storage(house).name]
    stored["minor_version"] = 3
    for key in ("generation", "vault_tested", "vault_suspects"):
        del stored["data"][key]
    shutil.rmtree(first_place(house))
    storage(house, ".lockbox").unlink()
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await look(house)
    assert kept(house) == {"1.0.0"}
    assert house.kept(hass_storage)["generation"] > 0
    assert await issues(house) == {}


# The audit log.


async def test_a_log_that_was_changed(house: House) -> None:
    """It is told from which entry on; confirmed, another one begins."""
    for number in range(4):
        await house.runtime.audit.async_append("something", number=number)
    path = storage(house, ".audit")
    lines = path.read_text().splitlines(keepends=True)
    first = len(lines) - 4
    changed = lines[first + 1].replace('"number":1', '"number":9')
    assert changed != lines[first + 1]
    path.write_text("".join((*lines[: first + 1], changed, *lines[first + 2 :])))
    await restart(house)
    text = (await issues(house))["audit_broken"]
    assert f"From entry {first + 2} on" in text
    result = await begin_fix(house, "audit_broken")
    result = await go_on(house, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert await issues(house) == {}
    (aside,) = path.parent.glob(f"{path.name}.broken-*")
    assert changed in aside.read_text()
    (begun,) = await audited(house, "audit_begun_anew")
    assert begun.details["broken_entry"] == first + 2
    await restart(house)
    assert await issues(house) == {}
    await house.runtime.audit.async_begin_anew()
    assert len(await audited(house, "audit_begun_anew")) == 1


async def test_a_log_whose_end_was_cut_off(house: House) -> None:
    """The ledger remembers where it ended."""
    for number in range(4):
        await house.runtime.audit.async_append("something", number=number)
    await house.check()
    await look(house)
    await house.check()
    await look(house)
    path = storage(house, ".audit")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-2]))
    await restart(house)
    assert "audit_broken" in await issues(house)
    path.unlink()
    await restart(house)
    assert "audit_broken" in await issues(house)
    result = await begin_fix(house, "audit_broken")
    await go_on(house, result)
    assert await issues(house) == {}
    await house.check()
    await look(house)
    await restart(house)
    assert await issues(house) == {}


async def test_a_log_that_cannot_be_written(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once and holds up nothing; what it should have is kept for it."""
    path = storage(house, ".audit")
    if path.exists():
        path.unlink()
    path.mkdir()
    await house.runtime.audit.async_append("something")
    await house.runtime.audit.async_append("something else")
    told = [each for each in caplog.messages if "The audit log cannot be used" in each]
    assert len(told) == 1
    await house.release("1.1.0")
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    await restart(house)
    assert await house.runtime.audit.async_head() is None
    path.rmdir()
    await house.runtime.audit.async_append("something")
    # What the log owes comes first, also what was to be written before the restart.
    assert [each.event for each in await house.runtime.audit.log.async_entries()][
        -1
    ] == "something"
    assert len(await audited(house, "something")) == 2


async def test_a_log_that_cannot_be_put_aside(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it stays what it is."""
    await house.runtime.audit.async_append("something")
    path = storage(house, ".audit")
    path.write_text(path.read_text().replace("something", "anything"))
    await restart(house)
    assert "audit_broken" in await issues(house)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        await house.runtime.audit.async_begin_anew()
    assert house.runtime.audit.broken is not None
    assert json.loads(path.read_text().splitlines()[0])
    assert DOMAIN in path.name
