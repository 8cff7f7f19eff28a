"""Two places that hold the same: away, damaged, tested, and put right."""

import asyncio
from datetime import timedelta
import json
from pathlib import Path
import shutil
import threading
from typing import Any

import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.core.errors import (
    FirmwareError,
    FirmwareProblem,
    VaultError,
    VaultProblem,
)
from custom_components.nightlatch.core.records.kept_release import KeptRelease
from custom_components.nightlatch.core.vault import place_worker
from custom_components.nightlatch.core.vault.blob_store import BlobStore
from custom_components.nightlatch.vault.scrub import TEST_INTERVAL, TEST_JITTER
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.rig.idle_time import IdleTimeLoop
from tests.rig.scene import publish_by_hand
from tests.rig.vendor_http import Silence

from .asked import install
from .flows import suggested, until
from .house import FRONT_DOOR, House
from .test_diagnostics import download
from .test_vault import OLD, fetched
from .test_vault_key import choose_passphrase, fill_in, open_options
from .vaulted import (
    audited,
    begin_fix,
    blobs,
    damage,
    first_place,
    go_on,
    issues,
    kept,
    look,
    make,
    restart,
    set_options,
    set_second_place,
    storage,
    swap,
    try_all_copies,
)

SIX_MINUTES = timedelta(minutes=6)
EIGHT_DAYS = TEST_INTERVAL + TEST_JITTER + timedelta(hours=1)


@pytest.fixture
async def second(house: House, elsewhere: Path) -> Path:
    """Let what the front door runs be kept in two places."""
    folder = elsewhere / "share" / "nightlatch"
    await set_second_place(house, folder)
    await look(house)
    assert len(blobs(folder)) == len(blobs(first_place(house))) == 1
    return folder


def cut(blob: Path) -> None:
    """Lose the end."""
    blob.write_bytes(blob.read_bytes()[:-100])


# Away.


async def test_a_second_place_that_is_added_later(
    house: House, elsewhere: Path
) -> None:
    """It gets all that there is."""
    await house.release("1.1.0")
    await look(house)
    await look(house)
    await set_second_place(house, elsewhere)
    assert {each.name for each in blobs(elsewhere)} == {
        each.name for each in blobs(first_place(house))
    }
    assert len(blobs(elsewhere)) == 2
    (made,) = await audited(house, "vault_copies_made")
    assert made.details == {"place": "second", "copies": 2}


async def test_a_share_that_goes_and_comes_back(house: House, second: Path) -> None:
    """It is told, the first place is kept on, and what is missing is copied then."""
    # What is left where a share is not mounted.
    unmounted = second.with_name("unmounted")
    make(unmounted)
    swap(second, unmounted)
    await house.release("1.1.0")
    await look(house)
    text = (await issues(house))["vault_second_place"]
    assert str(second) in text
    told = await try_all_copies(house)
    assert told["places"]["second"]["trouble"] in text
    assert "the share is not mounted there" in text
    assert kept(house) == {"1.0.0", "1.1.0"}
    assert blobs(second) == []
    await house.install()
    await look(house, SIX_MINUTES)
    assert "vault_second_place" in await issues(house)
    swap(second, unmounted)
    await look(house, SIX_MINUTES)
    assert "vault_second_place" in await issues(house)
    await look(house, 2 * SIX_MINUTES)
    assert await issues(house) == {}
    assert len(blobs(second)) == 2


async def test_a_share_that_does_not_answer(
    house: House, second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds up neither the start nor an installation for long."""
    monkeypatch.setattr(place_worker, "DEADLINE", 0.3)
    monkeypatch.setattr(
        "custom_components.nightlatch.vault.store.OPENING_PATIENCE", 0.1
    )
    answers = threading.Event()
    scan = BlobStore.scan

    def scan_slowly(self: Any) -> Any:
        if self.name == "second":
            answers.wait()
        return scan(self)

    monkeypatch.setattr(BlobStore, "scan", scan_slowly)
    await restart(house)
    assert kept(house) == {"1.0.0"}
    text = (await issues(house))["vault_second_place"]
    assert "has not answered for 0 seconds" in text
    await house.release("1.1.0")
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    answers.set()
    loop = house.hass.loop
    assert isinstance(loop, IdleTimeLoop)
    await until(lambda: not loop.threads)
    await look(house, SIX_MINUTES)
    assert await issues(house) == {}
    assert len(blobs(second)) == 2


async def test_what_was_under_way_waits_for_the_vault(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a start; but not for ever."""
    vault = house.runtime.vault
    await vault.async_opened()
    vault._tried.clear()
    monkeypatch.setattr("custom_components.nightlatch.vault.store.OPENED_TIMEOUT", 0.05)
    await vault.async_opened()
    assert "The vault took too long to open" in caplog.text


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("share/nightlatch", "second_place_not_absolute"),
        ("/elsewhere/nowhere", "second_place_missing"),
        ("/else\0where", "second_place_missing"),
        ("/first", "second_place_overlaps"),
        ("/first/inside", "second_place_overlaps"),
        ("/storage", "second_place_overlaps"),
        ("/elsewhere/link", "second_place_overlaps"),
    ],
)
async def test_what_is_wrong_with_a_folder(
    house: House,
    elsewhere: Path,
    name: str,
    error: str,
) -> None:
    """It is said at the field, and what was filled in is not lost."""
    first = first_place(house)
    (elsewhere / "link").symlink_to(first)
    path = (
        name.replace("/elsewhere", str(elsewhere))
        .replace("/first", str(first))
        .replace("/storage", str(first.parent))
    )
    result = await open_options(house)
    result = await fill_in(
        house, result, vault_limit=20, key_source="storage", second_place=path
    )
    assert result["errors"] == {"second_place": error}
    assert suggested(result, "second_place") == path
    assert suggested(result, "vault_limit") == 20
    result = await fill_in(house, result, vault_limit=20, key_source="storage")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_folder_that_cannot_be_written_or_does_not_answer(
    house: House,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is looked at before anything is saved."""
    result = await open_options(house)
    form = {
        "vault_limit": 64,
        "key_source": "storage",
        "second_place": str(elsewhere),
    }
    place = "custom_components.nightlatch.vault.store.Place.establish"
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        patch.setattr("os.fsync", refuse)
        result = await fill_in(house, result, **form)
    assert result["errors"] == {"second_place": "second_place_unwritable"}
    with monkeypatch.context() as patch:
        patch.setattr("custom_components.nightlatch.flows.vault.ANSWER_TIMEOUT", 0.05)
        answers = threading.Event()
        patch.setattr(place, lambda *_: answers.wait())
        try:
            result = await fill_in(house, result, **form)
        finally:
            answers.set()
    assert result["errors"] == {"second_place": "second_place_silent"}
    result = await fill_in(house, result, **form)
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Damaged.


@pytest.mark.parametrize("spoil", [damage, cut, Path.unlink])
async def test_a_damaged_copy_is_replaced_from_the_other(
    house: House, second: Path, spoil: Any
) -> None:
    """By the weekly test; the audit log says so."""
    (first,) = blobs(first_place(house))
    spoil(first)
    house.vendor.requests.clear()
    await look(house, timedelta(days=6))
    assert await audited(house, "vault_tested") == []
    await look(house, EIGHT_DAYS)
    tested = house.runtime.store.vault_tested
    assert tested is not None
    assert tested > dt_util.utcnow() - timedelta(minutes=1)
    assert first.exists()
    assert first.stat().st_size == blobs(second)[0].stat().st_size
    assert fetched(house, OLD) == 0
    assert await issues(house) == {}
    answer = await try_all_copies(house)
    assert answer["sound"] == 2
    assert answer["replaced"] == answer["damaged"] == answer["unproven"] == []


async def test_a_damaged_copy_is_fetched_again(house: House) -> None:
    """Where there is no other, and the vendor still has it."""
    await look(house)
    (blob,) = blobs(first_place(house))
    damage(blob)
    answer = await try_all_copies(house)
    (replaced,) = answer["replaced"]
    assert (replaced["version"], replaced["from"]) == ("1.0.0", "feed")
    assert answer["damaged"] == []
    assert answer["places"]["first"]["trouble"] is None
    (tested,) = await audited(house, "vault_tested")
    assert tested.details["replaced"] == ["KL-1 1.0.0"]
    assert kept(house) == {"1.0.0"}
    assert await issues(house) == {}


async def test_a_damaged_copy_that_nothing_replaces(house: House) -> None:
    """It is told which lock it is about; confirmed, it is gone."""
    await look(house)
    house.vendor.withdraw(OLD)
    await house.check()
    (blob,) = blobs(first_place(house))
    damage(blob)
    answer = await try_all_copies(house)
    (lost,) = answer["damaged"]
    assert lost["version"] == "1.0.0"
    assert "is not as it was kept" in lost["message"]
    text = (await issues(house))["vault_damaged"]
    assert "- Front door: 1.0.0" in text
    assert kept(house) == set()
    # Over a restart it stays known: the copy is still there.
    await restart(house)
    result = await begin_fix(house, "vault_damaged")
    assert result["step_id"] == "confirm"
    assert "Front door: 1.0.0" in result["description_placeholders"]["copies"]
    result = await go_on(house, result)
    assert result["type"] == "create_entry"
    assert blobs(first_place(house)) == []
    assert await issues(house) == {}


async def test_whoever_asks_in_vain_finds_it_out(house: House) -> None:
    """It is not offered any more, and told at once."""
    await look(house)
    house.vendor.withdraw(OLD)
    damage(blobs(first_place(house))[0])
    vault, lock = house.runtime.vault, house.managed()
    running = vault.running(lock)
    assert running is not None
    with pytest.raises(VaultError) as caught:
        await vault.async_get(running.release.key)
    assert caught.value.reason is VaultProblem.DAMAGED
    assert vault.running(lock) is None
    assert "Front door: 1.0.0" in (await issues(house))["vault_damaged"]


async def test_a_copy_whose_head_is_damaged(house: House) -> None:
    """After a restart nobody knows what it was; it is told all the same."""
    await look(house)
    house.vendor.withdraw(OLD)
    (blob,) = blobs(first_place(house))
    blob.write_bytes(b"\0" * 100)
    await restart(house)
    text = (await issues(house))["vault_damaged"]
    assert "A copy of which nothing can be told any more" in text
    answer = await try_all_copies(house)
    assert answer["damaged"][0]["version"] is None
    result = await begin_fix(house, "vault_damaged")
    await go_on(house, result)
    assert blobs(first_place(house)) == []
    assert await issues(house) == {}


async def test_a_copy_under_another_ones_name(house: House) -> None:
    """Swapping two files makes neither pass for the other."""
    await house.release("1.1.0")
    await look(house)
    await look(house)
    swap(*blobs(first_place(house)))
    await restart(house)
    vault, lock = house.runtime.vault, house.managed()
    running = vault.running(lock)
    assert running is not None
    assert lock.release is not None
    for release in (running.release, lock.release):
        data = await house.feed.feed.fetch(release)
        assert await vault.async_get(release.key) == data
    answer = await try_all_copies(house)
    assert answer["sound"] == 2
    assert await issues(house) == {}


async def test_a_download_of_a_damaged_copy_puts_it_right(
    house: House, second: Path
) -> None:
    """Whoever needs it notices first."""
    (first,) = blobs(first_place(house))
    cut(first)
    running = house.runtime.vault.running(house.managed())
    assert running is not None
    assert await house.runtime.vault.async_get(running.release.key)
    assert first.stat().st_size == blobs(second)[0].stat().st_size


async def test_what_no_longer_proves_itself(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes are those that were kept, but their signature does not hold."""
    await look(house)

    def refuse(*_: object, **__: object) -> None:
        raise FirmwareError(FirmwareProblem.SIGNATURE_INVALID)

    with monkeypatch.context() as patch:
        patch.setattr(
            "custom_components.nightlatch.vault.scrub.verify_artifact", refuse
        )
        answer = await try_all_copies(house)
    (unproven,) = answer["unproven"]
    assert unproven["version"] == "1.0.0"
    text = (await issues(house))["vault_damaged"]
    assert "Front door: 1.0.0" in text
    answer = await try_all_copies(house)
    assert answer["unproven"] == []
    assert await issues(house) == {}


async def test_what_is_kept_for_a_person(house: House, second: Path) -> None:
    """It is not sent, so no format is known; its digest is what the feed has signed."""
    publish_by_hand(house.vendor, "2.0.0")
    await house.check()
    assert house.feed.data is not None
    (release,) = (
        each for each in house.feed.data.releases if each.version.text == "2.0.0"
    )
    vault = house.runtime.vault
    running = vault.running(house.managed())
    assert running is not None
    data = await house.feed.feed.fetch(release)
    before = {each.name for each in blobs(second)}
    await vault.async_keep(KeptRelease(release=release, signer=running.signer), data)
    (name,) = {each.name for each in blobs(second)} - before
    for folder in (first_place(house), second):
        damage(folder / name)
    answer = await try_all_copies(house)
    assert {each["version"] for each in answer["replaced"]} == {"2.0.0"}
    assert await vault.async_get(release.key) == data


async def test_a_test_makes_room_for_an_installation(
    house: House,
    elsewhere: Path,
) -> None:
    """Whoever had asked for it is told."""
    await house.release("1.1.0")
    await look(house)
    (blob,) = blobs(first_place(house))
    damage(blob)
    where = house.vendor.artifact_path(OLD)
    house.vendor.requests.clear()
    house.vendor.misbehave(where, Silence())
    test = asyncio.create_task(try_all_copies(house))
    await house.vendor.server.asked_for(where)
    house.vendor.behave()
    await install(house.managed())
    with pytest.raises(HomeAssistantError) as caught:
        await test
    assert caught.value.translation_key == "vault_test_interrupted"
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    await house.settle()


async def test_nobody_to_test_for(house: House) -> None:
    """The action is there also while Nightlatch does not run."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    with pytest.raises(HomeAssistantError) as caught:
        await try_all_copies(house)
    assert caught.value.translation_key == "not_loaded"


# What is told of it.


@pytest.mark.usefixtures("quick_argon2")
async def test_diagnostics(
    house: House, second: Path, hass_client: ClientSessionGenerator
) -> None:
    """Counts, sizes and states; no path, and nothing of the key."""
    await house.release("1.1.0")
    await look(house)
    await try_all_copies(house)
    await choose_passphrase(house)
    text = await download(house, hass_client)
    vault = json.loads(text)["vault"]
    assert vault["key_source"] == "passphrase"
    assert vault["problem"] is None
    assert vault["has_second_place"] is True
    assert vault["troubles"] == {}
    assert {each["version"] for each in vault["kept"]} == {"1.0.0", "1.1.0"}
    assert {each["rank"] for each in vault["kept"]} == {0, 2}
    assert vault["places"]["second"]["copies"] >= 1
    assert json.loads(text)["generation"] > 0
    for secret in (str(second), str(first_place(house)), "elsewhere"):
        assert secret not in text
    wrapped = json.loads(storage(house, ".lockbox").read_text())["lockbox"]
    for name in ("salt", "wrapped", "nonce"):
        assert wrapped[name] not in text


async def test_diagnostics_of_a_vault_in_trouble(
    house: House, second: Path, hass_client: ClientSessionGenerator
) -> None:
    """What is wrong is a word, not a path."""
    house.vendor.withdraw(OLD)
    await house.check()
    for folder in (first_place(house), second):
        damage(blobs(folder)[0])
    await try_all_copies(house)
    shutil.rmtree(second)
    await house.runtime.vault.async_open()
    await set_options(house, vault_limit=64)
    text = await download(house, hass_client)
    vault = json.loads(text)["vault"]
    assert vault["troubles"] == {"second": "vault_not_there"}
    assert vault["damaged"][0]["reason"] == "vault_damaged"
    assert str(second) not in text
