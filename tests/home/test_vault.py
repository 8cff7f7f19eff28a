"""The vault: what is kept for which lock, when, and what it is good for."""

import asyncio
from dataclasses import replace
from datetime import timedelta
import hashlib
import os
import stat
from typing import Any

import pytest

from custom_components.nightlatch.backup import async_post_backup, async_pre_backup
from custom_components.nightlatch.core.errors import (
    FeedError,
    FeedProblem,
    VaultError,
    VaultProblem,
)
from custom_components.nightlatch.core.model import (
    Artifact,
    Origin,
    Purpose,
    Release,
    Source,
)
from custom_components.nightlatch.core.preflight.risk import WayBack
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.vault.keys import KeySource
from custom_components.nightlatch.planning.planner import InstallRequest
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.rig.lock import Mode
from tests.rig.scene import MODEL, VENDOR, make_firmware, publish
from tests.rig.vendor_http import Silence, Status

from .flows import until
from .house import BACK_DOOR, FRONT_DOOR, House
from .test_lifecycle import begin, slow_down, speed_up
from .test_watch import send_to_bootloader
from .vaulted import (
    audited,
    blobs,
    damage,
    first_place,
    issues,
    kept,
    look,
    restart,
    set_options,
    storage,
    supply_of,
)

OLD = "kl-1/1.0.0.zip"


def fetched(house: House, path: str) -> int:
    """Return how often the file of a release was asked for."""
    where = house.vendor.artifact_path(path)
    return sum(request.path == where for request in house.vendor.requests)


async def test_what_runs_and_what_comes_next(house: House) -> None:
    """One thing a minute, what runs first; and what is kept is not fetched again."""
    between = await house.release("1.1.0")
    await house.release("1.2.0")
    assert kept(house) == set()
    await look(house)
    assert kept(house) == {"1.0.0"}
    await look(house)
    assert kept(house) == {"1.0.0", "1.2.0"}
    house.vendor.requests.clear()
    await look(house)
    await house.check()
    await look(house)
    assert kept(house) == {"1.0.0", "1.2.0"}
    assert fetched(house, between) == 0
    assert [request.path for request in house.vendor.requests] == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
    ]


async def test_nothing_of_it_is_readable(house: House) -> None:
    """For nobody else, and by nobody without the key; no name tells anything."""
    await look(house)
    folder = first_place(house)
    (blob,) = blobs(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for private in (blob, storage(house, ".lockbox"), storage(house, ".audit")):
        assert private.exists() or private.suffix == ".audit"
        assert not private.exists() or stat.S_IMODE(private.stat().st_mode) == 0o600
    raw = blob.read_bytes()
    for clear in (make_firmware("1.0.0")[:64], b"1.0.0", MODEL.encode(), b"PK\x03\x04"):
        assert clear not in raw
    assert MODEL not in blob.name


async def test_roles_over_two_updates(house: House) -> None:
    """What ran before stays, also when the vendor no longer has it."""
    await house.release("1.1.0")
    await look(house)
    await house.install()
    house.vendor.withdraw(OLD)
    await house.release("1.2.0")
    await look(house)
    lock, vault = house.managed(), house.runtime.vault
    running = vault.running(lock)
    assert running is not None
    assert running.release.version.text == "1.1.0"
    assert [each.release.version.text for each in vault.ran_before(lock)] == ["1.0.0"]
    assert sorted(house.runtime.upkeep.wanted().values()) == [0, 1, 2]

    await house.install()
    before = vault.ran_before(lock)
    assert [each.release.version.text for each in before] == ["1.1.0", "1.0.0"]
    assert (await vault.async_get(before[-1].release.key)).startswith(b"PK")


async def test_before_an_installation_what_runs_is_fetched(house: House) -> None:
    """Nothing had been kept yet; afterwards both are, and the audit log says what of."""
    await house.release("1.1.0")
    await house.install()
    assert kept(house) == {"1.0.0", "1.1.0"}
    running = house.runtime.vault.running(house.managed())
    assert running is not None
    assert running.signer is not None
    (ended,) = await audited(house, "installation_ended")
    assert {
        "outcome": "succeeded",
        "purpose": Purpose.UPDATE,
        "source": Source.FEED,
        "from_version": "1.0.0",
        "to_version": "1.1.0",
        "sha256": running.release.key,
        "signer": running.signer.fingerprint,
        "approved_by": None,
    }.items() <= ended.details.items()


async def test_what_the_vendor_no_longer_has_is_not_kept(house: House) -> None:
    """The plan says beforehand that there is no way back; the update can be installed."""
    house.vendor.withdraw(OLD)
    await house.release("1.1.0")
    await look(house)
    assert kept(house) == {"1.1.0"}
    lock = house.managed()
    assert lock.release is not None
    assert house.runtime.planner.risk(lock, lock.release).way_back is WayBack.NOT_KEPT
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"


async def test_it_survives_a_restart(house: House) -> None:
    """Nothing is fetched for it."""
    await look(house)
    before = dict(house.runtime.vault.releases)
    assert before
    house.vendor.requests.clear()
    await restart(house)
    assert house.runtime.vault.releases == before
    assert house.runtime.vault.source is KeySource.STORAGE
    await look(house)
    assert fetched(house, OLD) == 0


async def test_two_locks_of_a_model_share_a_copy(two_doors: House) -> None:
    """And each is told when what is kept for it changes."""
    told: list[str] = []
    for lock in two_doors.runtime.locks.values():
        lock.async_subscribe(lambda name=lock.name: told.append(name))  # type: ignore[misc]
    await look(two_doors)
    assert len(blobs(first_place(two_doors))) == 1
    assert set(told) == {"Front door", "Back door"}
    vault = two_doors.runtime.vault
    assert vault.running(two_doors.managed(BACK_DOOR)) == vault.running(
        two_doors.managed(FRONT_DOOR)
    )


async def test_several_artifacts_of_one_version(house: House) -> None:
    """What was installed counts; what is for other hardware is not even fetched."""
    publish(house.vendor, "1.0.0", hardware_revisions=["Z"])
    await house.check()
    await look(house)
    assert kept(house) == set()
    await house.release("1.1.0")
    await look(house)
    await house.install()
    lock, vault = house.managed(), house.runtime.vault
    installed = vault.running(lock)
    assert installed is not None
    data = await vault.async_get(installed.release.key)
    other = data + b"\0"
    rebuilt = replace(
        installed.release,
        artifact=Artifact(
            path="rebuilt.zip",
            length=len(other),
            sha256=hashlib.sha256(other).hexdigest(),
        ),
    )
    await vault.async_keep(KeptRelease(release=rebuilt, signer=installed.signer), other)
    assert vault.running(lock) == installed
    lock.record = replace(lock.record, history=())
    running = vault.running(lock)
    assert running is not None
    assert running.release == rebuilt


async def test_a_door_that_does_not_open_waits_for_no_feed(house: House) -> None:
    """What the lock ran is not looked for first."""
    release = await newest(house)
    lock = house.managed()
    door = house.locks[FRONT_DOOR]
    # Or it would soon be back by itself.
    door.flash.application[:] = bytes(len(door.flash.application))
    send_to_bootloader(door)
    await until(lambda: lock.in_bootloader)
    data = await house.feed.feed.fetch(release)
    supply = supply_of(house, Source.FEED)
    # Which it is the journal knows, not what is heard.
    errand = InstallRequest(purpose=Purpose.RECOVERY)
    await house.runtime.journal.write(
        house.runtime.installations.of(lock)._new_entry(release, Origin.PERSON, errand)
    )
    await supply.keep(release, data, house.feed.firmware_keys[0])
    assert lock.in_bootloader
    assert kept(house) == {"1.1.0"}
    await house.runtime.journal.clear()
    door.cut_power()


async def test_a_disk_that_hangs_does_not_hold_up_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is under way there goes on by itself."""
    await look(house)
    await house.check()
    monkeypatch.setattr(
        "custom_components.nightlatch.vault.store.CLOSING_PATIENCE", 0.05
    )

    async def hang(*_: Any) -> None:
        await asyncio.sleep(10)

    monkeypatch.setattr(house.runtime.vault.open_vault(), "write_ledger", hang)
    await restart(house)
    assert "A disk or share of the vault does not answer" in caplog.text
    assert kept(house) == {"1.0.0"}


# Others come first.


async def test_a_person_is_not_kept_waiting(house: House) -> None:
    """What is fetched for the vault makes room for an installation."""
    path = await house.release("1.1.0")
    running = house.vendor.artifact_path(OLD)
    house.vendor.misbehave(running, Silence())
    house.runtime.upkeep.async_look(dt_util.utcnow())
    await house.vendor.server.asked_for(running)
    house.vendor.behave()
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert fetched(house, path) == 1
    assert kept(house) == {"1.0.0", "1.1.0"}


async def test_nothing_is_fetched_while_something_is_installed(house: House) -> None:
    """The radio and the feed are for the lock then."""
    slow_down(house)
    path = await house.release("1.1.0")
    press = await begin(house)
    house.vendor.requests.clear()
    house.runtime.upkeep.async_look(dt_util.utcnow())
    await asyncio.sleep(0.05)
    with pytest.raises(HomeAssistantError) as caught:
        await house.runtime.upkeep.async_test_now()
    assert caught.value.translation_key == "vault_busy"
    assert house.vendor.requests == []
    speed_up(house)
    await press
    assert fetched(house, path) == 0


async def test_a_touched_lock_needs_no_feed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor's server is gone after the restart, and the vault has what was sent."""
    monkeypatch.setattr("custom_components.nightlatch.kinds.direct.FEED_TIMEOUT", 0.5)
    slow_down(house)
    await house.release("1.1.0")
    press = await begin(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await press
    speed_up(house)
    house.vendor.misbehave("*", Status(503))
    lock = house.locks[FRONT_DOOR]
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await until(lambda: lock.version == "1.1.0" and lock.mode is Mode.APPLICATION)
    await house.settle()
    assert house.managed().record.identity.firmware_version == "1.1.0"
    (ended,) = await audited(house, "installation_ended")
    assert ended.details["outcome"] == "succeeded"
    house.vendor.behave()


async def test_a_touched_lock_whose_copy_is_damaged(house: House) -> None:
    """Then the feed has to help."""
    slow_down(house)
    path = await house.release("1.1.0")
    press = await begin(house)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError):
        await press
    speed_up(house)
    for blob in blobs(first_place(house)):
        damage(blob)
    house.vendor.requests.clear()
    lock = house.locks[FRONT_DOOR]
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await until(lambda: lock.version == "1.1.0" and lock.mode is Mode.APPLICATION)
    await house.settle()
    assert fetched(house, path) == 1
    assert kept(house) == {"1.0.0", "1.1.0"}
    assert await issues(house) == {}


async def test_a_supply_without_a_feed(house: House) -> None:
    """It was removed in the middle."""
    release = await newest(house)
    await house.remove(VENDOR)
    with pytest.raises(FeedError) as caught:
        await supply_of(house, Source.FEED).fetch(release)
    assert caught.value.reason is FeedProblem.UNREACHABLE


async def newest(house: House) -> Release:
    """Return what the front door should get."""
    await house.release("1.1.0")
    release = house.managed().release
    assert release is not None
    return release


async def test_keeping_does_not_hold_up_an_installation_for_long(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the house said just before must still hold."""
    await house.release("1.1.0")
    house.vendor.misbehave(house.vendor.artifact_path(OLD), Silence())
    monkeypatch.setattr("custom_components.nightlatch.vault.supply.KEEP_TIMEOUT", 0.2)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert "keeping its firmware took too long" in caplog.text
    assert kept(house) == {"1.1.0"}


async def test_what_was_sent_has_no_second_name(house: House) -> None:
    """What comes out of the vault is kept there already."""
    await look(house)
    vault, lock = house.runtime.vault, house.managed()
    running = vault.running(lock)
    assert running is not None
    assert running.signer is not None
    data = await vault.async_get(running.release.key)
    supply = supply_of(house, Source.VAULT)
    await supply.keep(running.release, data, running.signer)
    assert vault.running(lock) == running


async def test_failures_are_not_tried_each_minute(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """After an hour again, then after two."""
    path = await house.release("1.1.0")
    await look(house)
    house.vendor.misbehave(house.vendor.artifact_path(path), Status(404))
    await look(house)
    assert fetched(house, path) == 1
    assert "version 1.1.0 for KL-1 is not kept" in caplog.text
    await look(house)
    await look(house, timedelta(minutes=50))
    assert fetched(house, path) == 1
    await look(house, timedelta(minutes=70))
    assert fetched(house, path) == 2
    await look(house, timedelta(minutes=140))
    assert fetched(house, path) == 2
    house.vendor.behave()
    await look(house, timedelta(minutes=200))
    assert fetched(house, path) == 3
    assert kept(house) == {"1.0.0", "1.1.0"}


async def test_what_is_not_genuine_is_not_kept(house: House) -> None:
    """A package that the vendor's firmware key has not signed."""
    publish(house.vendor, "1.1.0", package=b"PK\x03\x04 no package")
    await house.check()
    await look(house)
    await look(house)
    assert kept(house) == {"1.0.0"}


async def test_a_feed_in_trouble_is_not_asked(house: House) -> None:
    """It has told already what is wrong."""
    house.vendor.expire("timestamp")
    await house.check()
    house.vendor.requests.clear()
    await look(house)
    assert house.vendor.requests == []


# A limit.


async def test_the_oldest_of_the_rest_goes(house: House) -> None:
    """What runs, what ran before and what comes next stays whatever its size."""
    for version in ("1.1.0", "1.2.0", "1.3.0"):
        await house.release(version)
        await house.install()
    assert kept(house) == {"1.0.0", "1.1.0", "1.2.0", "1.3.0"}
    await set_options(house, vault_limit=0)
    await look(house)
    assert kept(house) == {"1.2.0", "1.3.0"}
    text = (await issues(house))["vault_too_small"]
    assert "takes 1 MB, more than the limit of 0 MB" in text
    await set_options(house, vault_limit=64)
    assert await issues(house) == {}
    assert len(blobs(first_place(house))) == 2


# A disk that refuses.


async def test_a_full_disk(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It is told; the update can be installed all the same, and what was kept stays."""
    await look(house)
    await house.release("1.1.0")
    folder = first_place(house)
    (blob,) = blobs(folder)
    before = blob.read_bytes()

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        await look(house)
        text = (await issues(house))["vault_first_place"]
    assert "There is no room left" in text
    assert blob.read_bytes() == before
    assert [each.name for each in folder.iterdir() if each.suffix == ".part"] == []
    assert kept(house) == {"1.0.0"}
    # It stays until something could be kept again.
    await look(house, timedelta(minutes=6))
    assert "vault_first_place" in await issues(house)
    await look(house, timedelta(hours=2))
    assert kept(house) == {"1.0.0", "1.1.0"}
    assert await issues(house) == {}


async def test_an_installation_with_a_full_vault(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """Updates do not depend on it."""
    await house.release("1.1.0")
    vault = house.runtime.vault.open_vault()

    async def refuse(*_: Any) -> None:
        raise VaultError(VaultProblem.FULL, place="/", detail="No space left")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vault, "put", refuse)
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert "Front door: its firmware is not kept" in caplog.text
    assert kept(house) == set()
    assert "vault_first_place" in await issues(house)


async def test_an_unforeseen_mistake_holds_up_nothing(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """The lock waits; what is not kept is only missing later."""
    await house.release("1.1.0")

    async def refuse(*_: Any) -> None:
        raise RuntimeError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.runtime.vault, "async_keep", refuse)
        await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert "Front door: its firmware is not kept" in caplog.text
    caplog.clear()


async def test_a_folder_that_is_none(house: House) -> None:
    """Something else lies there; nothing else of Nightlatch minds."""
    await look(house)
    folder = first_place(house)
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.write_text("something else")
    await restart(house)
    text = (await issues(house))["vault_first_place"]
    assert "Updates can be installed all the same" in text
    await house.release("1.1.0")
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    folder.unlink()
    aside.rename(folder)
    await look(house, timedelta(minutes=6))
    await look(house, timedelta(hours=2))
    assert kept(house) == {"1.0.0", "1.1.0"}
    assert await issues(house) == {}


# What others make of it.


async def test_keeping_and_giving(house: House) -> None:
    """What recovery, rollback and downloads use."""
    await look(house)
    vault, lock = house.runtime.vault, house.managed()
    known = vault.running(lock)
    assert known is not None
    data = await vault.async_get(known.release.key)
    assert vault.release(known.release.key) == known
    assert vault.find(vendor=None, model=MODEL, version="1.0.0") == known
    assert vault.find(vendor=VENDOR, model=MODEL, version="1.0.0") == known
    assert vault.find(vendor="Acme", model=MODEL, version="1.0.0") is None
    assert vault.problem is None
    # Kept once more it stays what it was, and where it came from.
    (blob,) = blobs(first_place(house))
    written = blob.stat().st_mtime_ns
    again = KeptRelease(release=known.release, signer=known.signer, source=Source.FILE)
    await vault.async_keep(again, data)
    assert blob.stat().st_mtime_ns == written
    with pytest.raises(VaultError) as caught:
        await vault.async_get("0" * 64)
    assert caught.value.reason is VaultProblem.NOT_KEPT


async def test_a_release_that_is_chosen_is_kept_for_it(house: House) -> None:
    """It is not pruned, and an unlocked vault offers it again."""
    for version in ("1.1.0", "1.2.0"):
        await house.release(version)
        await house.install()
    lock, vault = house.managed(), house.runtime.vault
    oldest = vault.ran_before(lock)[-1]
    await lock.decided.async_choose(oldest.release, Source.VAULT, Purpose.ROLLBACK)
    assert house.runtime.upkeep.wanted()[oldest.release.key] == 2
    assert lock.release == oldest.release
    supply = supply_of(house, Source.VAULT)
    assert await supply.fetch(oldest.release) == await vault.async_get(
        oldest.release.key
    )
    await restart(house)
    assert house.managed().release == oldest.release


async def test_what_a_later_version_has_kept(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left alone, and tested as far as that goes."""
    await look(house)
    vault = house.runtime.vault
    (known,) = vault.kept.values()
    data = await vault.async_get(known.binding.sha256)
    await vault.open_vault().put(
        replace(known, about={"release": "of the future"}, kept_at=dt_util.utcnow()),
        data,
    )
    vault.async_refresh()
    assert kept(house) == set()
    assert "What is kept of 1.0.0 is left alone" in caplog.text
    report = await house.runtime.upkeep.async_test_now()
    assert (report.sound, report.unproven) == (1, ())


async def test_removing_nightlatch_removes_the_first_place(house: House) -> None:
    """And the key, and the audit log."""
    await look(house)
    await house.runtime.audit.async_append("something")
    paths = [
        first_place(house),
        storage(house, ".lockbox"),
        storage(house, ".audit"),
    ]
    assert all(path.exists() for path in paths)
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.async_block_till_done()
    assert not any(path.exists() for path in paths)


async def test_a_backup_holds_the_ledger(house: House) -> None:
    """It is written before the backup reads it, and nothing is begun meanwhile."""
    await look(house)
    await house.check()
    store, ledger = house.runtime.store, house.runtime.vault.ledger
    assert ledger.written != store.generation
    await async_pre_backup(house.hass)
    assert ledger.written == store.generation
    await house.release("1.1.0")
    await look(house)
    assert kept(house) == {"1.0.0"}
    await async_post_backup(house.hass)
    await look(house)
    assert kept(house) == {"1.0.0", "1.1.0"}


async def test_a_backup_while_nightlatch_does_not_run(house: House) -> None:
    """There is nothing to prepare, and nothing to go on with."""
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await async_pre_backup(house.hass)
    await async_post_backup(house.hass)
