"""Where the vault's key comes from, and what happens while it is not there."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
import shutil
import stat
import threading
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import VaultError, VaultProblem
from custom_components.nightlatch.core.model import Purpose, Source
from custom_components.nightlatch.core.preflight.risk import WayBack
from custom_components.nightlatch.core.vault import keys
from custom_components.nightlatch.core.vault.keys import KeySource
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.file import WriteError
from tests.rig import bootloader

from .flows import suggested, until
from .house import FRONT_DOOR, House
from .test_watch import send_to_bootloader
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
    try_all_copies,
)

pytestmark = pytest.mark.usefixtures("quick_argon2")

PASSPHRASE = "a hedgehog in the letter box"
SIX_MINUTES = timedelta(minutes=6)
OTHER = "a badger under the doormat"


def _refuse(*_: object, **__: object) -> None:
    raise WriteError("No space left on device")


async def open_options(house: House) -> ConfigFlowResult:
    """Open the vault's part of the options."""
    options = house.hass.config_entries.options
    result = await options.async_init(house.entry.entry_id)
    return await options.async_configure(result["flow_id"], {"next_step_id": "vault"})


async def fill_in(
    house: House, result: ConfigFlowResult, **user_input: Any
) -> ConfigFlowResult:
    """Send a page of the options."""
    after = await house.hass.config_entries.options.async_configure(
        result["flow_id"], user_input
    )
    await house.settle()
    return after


async def choose(house: House, source: str, **user_input: Any) -> ConfigFlowResult:
    """Choose where the key comes from, and nothing else."""
    result = await open_options(house)
    if (second := suggested(result, "second_place")) is not None:
        user_input = {"second_place": second, **user_input}
    return await fill_in(house, result, vault_limit=64, key_source=source, **user_input)


async def choose_passphrase(house: House, passphrase: str = PASSPHRASE) -> None:
    """Let the key come from a passphrase."""
    result = await choose(house, "passphrase")
    assert result["step_id"] == "vault_passphrase"
    result = await fill_in(
        house, result, passphrase=passphrase, passphrase_again=passphrase
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def choose_key_file(house: House, path: Path) -> ConfigFlowResult:
    """Let the key come from a file."""
    result = await choose(house, "key_file")
    assert result["step_id"] == "vault_key_file"
    return await fill_in(house, result, key_file=str(path))


async def test_what_is_set_is_shown_and_kept(house: House, elsewhere: Path) -> None:
    """Everything else of the options stays."""
    result = await open_options(house)
    assert result["step_id"] == "vault"
    assert suggested(result, "vault_limit") == 64
    assert suggested(result, "key_source") == "storage"
    assert suggested(result, "second_place") is None
    second = elsewhere / "second"
    second.mkdir()
    result = await fill_in(
        house,
        result,
        vault_limit=20,
        key_source="storage",
        second_place=str(second),
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert house.runtime.vault.limit == 20_000_000
    await look(house)
    assert len(blobs(second)) == 1
    result = await open_options(house)
    assert suggested(result, "second_place") == str(second)
    assert suggested(result, "vault_limit") == 20
    result = await fill_in(house, result, vault_limit=64, key_source="storage")
    assert house.runtime.vault.settings.second_place is None
    # It is left alone.
    assert len(blobs(second)) == 1
    assert await audited(house, "vault_key_source_changed") == []


# A passphrase.


async def test_a_lock_in_its_bootloader_while_it_is_locked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says that there is nothing for it; and it is offered as soon as it is seen."""
    monkeypatch.setattr(bootloader, "INACTIVITY_TIMEOUT", 300.0)
    await look(house)
    await choose_passphrase(house)
    await restart(house)
    house.vendor.withdraw("kl-1/1.0.0.zip")
    await house.check()
    send_to_bootloader(house.locks[FRONT_DOOR])
    await until(lambda: house.managed().in_bootloader)
    text = (await issues(house))["in_bootloader_by_hand"]
    assert "Open the vault" in text
    assert "Nothing that it could be brought out with" not in text
    assert "from a file" not in text
    await house.runtime.vault.async_unlock(PASSPHRASE)
    await look(house)
    found = await issues(house)
    assert "in_bootloader_by_hand" not in found
    assert "Submit brings it out with version 1.0.0" in found["in_bootloader"]


async def test_a_passphrase(house: House) -> None:
    """The key leaves the storage, and nothing is encrypted anew."""
    await look(house)
    (blob,) = blobs(first_place(house))
    before = blob.read_bytes()
    in_storage = storage(house, ".lockbox").read_text()
    await choose_passphrase(house)
    assert house.runtime.vault.source is KeySource.PASSPHRASE
    assert blob.read_bytes() == before
    wrapped = storage(house, ".lockbox")
    assert stat.S_IMODE(wrapped.stat().st_mode) == 0o600
    key = in_storage.partition('"key": "')[2].partition('"')[0]
    assert len(key) == 64
    assert key not in wrapped.read_text()
    assert PASSPHRASE not in wrapped.read_text()
    assert PASSPHRASE not in str(house.entry.options)
    # It stays open until the next start.
    assert kept(house) == {"1.0.0"}
    (changed,) = await audited(house, "vault_key_source_changed")
    assert changed.details == {"source": "passphrase", "anew": False}

    await restart(house)
    vault = house.runtime.vault
    assert vault.problem is not None
    assert vault.problem.reason is VaultProblem.LOCKED
    text = (await issues(house))["vault_locked"]
    assert "Until the passphrase is entered" in text
    assert kept(house) == set()

    result = await begin_fix(house, "vault_locked")
    assert result["step_id"] == "unlock"
    result = await go_on(house, result, passphrase="something else")
    assert result["errors"] == {"passphrase": "wrong_passphrase"}
    result = await go_on(house, result, passphrase=PASSPHRASE)
    assert result["type"] == "create_entry"
    assert await issues(house) == {}
    assert kept(house) == {"1.0.0"}
    assert len(await audited(house, "vault_unlocked")) == 1
    # A second person who had the same dialog open.
    await vault.async_unlock(PASSPHRASE)


async def test_while_it_is_locked(house: House) -> None:
    """Updates can be installed, the plan says that there is no way back."""
    await look(house)
    await choose_passphrase(house)
    await restart(house)
    await house.release("1.1.0")
    lock, vault = house.managed(), house.runtime.vault
    assert lock.release is not None
    assert house.runtime.planner.risk(lock, lock.release).way_back is WayBack.NOT_KEPT
    with pytest.raises(VaultError) as caught:
        await vault.async_get("0" * 64)
    assert caught.value.reason is VaultProblem.LOCKED
    with pytest.raises(HomeAssistantError) as told:
        await try_all_copies(house)
    assert told.value.translation_key == "vault_locked"
    assert "Enter its passphrase" in str(told.value)
    await look(house)
    await house.install()
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    await vault.async_unlock(PASSPHRASE)
    await look(house)
    assert kept(house) == {"1.0.0", "1.1.0"}


async def test_what_is_wrong_with_a_passphrase(house: House) -> None:
    """Too short, or not the same twice; the one that there is can stay."""
    result = await choose(house, "passphrase")
    result = await fill_in(house, result)
    assert result["errors"] == {"passphrase": "passphrase_short"}
    result = await fill_in(house, result, passphrase="short", passphrase_again="short")
    assert result["errors"] == {"passphrase": "passphrase_short"}
    result = await fill_in(house, result, passphrase=PASSPHRASE, passphrase_again=OTHER)
    assert result["errors"] == {"passphrase_again": "passphrases_differ"}
    result = await fill_in(
        house, result, passphrase=PASSPHRASE, passphrase_again=PASSPHRASE
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    before = storage(house, ".lockbox").read_text()
    result = await fill_in(house, await choose(house, "passphrase"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert storage(house, ".lockbox").read_text() == before
    await choose_passphrase(house, OTHER)
    await restart(house)
    with pytest.raises(VaultError) as caught:
        await house.runtime.vault.async_unlock(PASSPHRASE)
    assert caught.value.reason is VaultProblem.WRONG_PASSPHRASE
    await house.runtime.vault.async_unlock(OTHER)
    # And back.
    result = await choose(house, "storage")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await restart(house)
    assert house.runtime.vault.problem is None


async def test_a_passphrase_that_is_lost(house: House, elsewhere: Path) -> None:
    """The owner begins with an empty vault, after having been asked."""
    second = elsewhere / "second"
    await set_second_place(house, second)
    await look(house)
    await choose_passphrase(house)
    await restart(house)
    old = {each.name for each in blobs(second)}
    result = await choose(house, "storage", second_place=str(second))
    assert result["step_id"] == "vault_anew"
    result = await fill_in(house, result, anew=False)
    assert result["errors"] == {"anew": "anew_not_confirmed"}
    result = await fill_in(house, result, anew=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    vault = house.runtime.vault
    assert vault.problem is None
    assert await issues(house) == {}
    assert blobs(first_place(house)) == []
    await look(house)
    assert kept(house) == {"1.0.0"}
    # What lies there under the lost key is left alone.
    assert len(blobs(second)) == 2
    assert old < {each.name for each in blobs(second)}
    assert vault.damage.found["second"].foreign == 1
    changed = await audited(house, "vault_key_source_changed")
    assert changed[-1].details == {"source": "storage", "anew": True}


async def test_the_second_place_cannot_be_changed_while_it_is_locked(
    house: House, elsewhere: Path
) -> None:
    """Nothing could be copied there; what does not need the key can be changed."""
    await choose_passphrase(house)
    await restart(house)
    result = await choose(house, "passphrase", second_place=str(elsewhere))
    assert result["errors"] == {"second_place": "second_place_locked"}
    result = await fill_in(house, result, vault_limit=20, key_source="passphrase")
    result = await fill_in(house, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert house.runtime.vault.limit == 20_000_000
    with pytest.raises(VaultError):
        await house.runtime.vault.async_set_source(KeySource.STORAGE)


# A key file.


async def test_a_key_file(house: House, elsewhere: Path) -> None:
    """It is made where there is none; without it the vault waits for it."""
    await look(house)
    path = elsewhere / "stick" / "nightlatch.key"
    result = await choose_key_file(house, path)
    assert result["errors"] == {"key_file": "key_file_unreadable"}
    path.parent.mkdir()
    result = await fill_in(house, result, key_file=str(path))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 64
    await restart(house)
    assert kept(house) == {"1.0.0"}
    assert house.runtime.vault.source is KeySource.KEY_FILE

    # The stick is taken out.
    away = elsewhere / "pocket"
    path.parent.rename(away)
    await restart(house)
    assert kept(house) == set()
    text = (await issues(house))["vault_key_file"]
    assert f"{path} cannot be used" in text
    # It is not looked for each minute.
    await look(house)
    away.rename(path.parent)
    await look(house)
    assert kept(house) == set()
    await look(house, SIX_MINUTES)
    assert kept(house) == {"1.0.0"}
    assert await issues(house) == {}


async def test_another_key_file(house: House, elsewhere: Path) -> None:
    """It opens nothing; one that has moved is found again where it is now."""
    path, moved = elsewhere / "key", elsewhere / "moved"
    await choose_key_file(house, path)
    result = await choose_key_file(house, path)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    path.rename(moved)
    path.write_bytes(bytes(64))
    await restart(house)
    text = (await issues(house))["vault_key_file"]
    assert "is not the one that the vault was locked with" in text
    result = await choose_key_file(house, elsewhere / "new")
    assert result["errors"] == {"key_file": "key_file_wrong"}
    assert suggested(result, "key_file") == str(elsewhere / "new")
    result = await fill_in(house, result, key_file=str(moved))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert house.runtime.vault.problem is None
    assert house.runtime.vault.key_file == moved
    await restart(house)
    assert house.runtime.vault.problem is None
    # One that is there is changed for another.
    await choose_key_file(house, path)
    moved.unlink()
    await restart(house)
    assert house.runtime.vault.problem is None
    result = await open_options(house)
    assert suggested(result, "key_source") == "key_file"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("key", "key_file_not_absolute"),
        ("/config/.storage/key", "key_file_beside"),
        ("/elsewhere/short", "key_file_unreadable"),
        ("/elsewhere", "key_file_unreadable"),
        ("/else\0where", "key_file_unreadable"),
    ],
)
async def test_what_is_wrong_with_a_key_file(
    house: House, elsewhere: Path, name: str, error: str
) -> None:
    """It is said at the field, and nothing changes."""
    (elsewhere / "short").write_bytes(b"short")
    config = house.hass.config.config_dir
    path = name.replace("/config", config).replace("/elsewhere", str(elsewhere))
    result = await choose_key_file(house, Path(path))
    assert result["errors"] == {"key_file": error}
    assert house.runtime.vault.source is KeySource.STORAGE


async def test_a_key_file_on_a_disk_that_does_not_answer(
    house: House, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for without end."""
    await choose_key_file(house, elsewhere / "key")
    opens = keys.unlock
    monkeypatch.setattr("custom_components.nightlatch.vault.key.KEY_FILE_TIMEOUT", 0.05)

    answers = threading.Event()

    def hang(*args: Any, **kwargs: Any) -> keys.HouseholdKey:
        answers.wait()
        return opens(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr("custom_components.nightlatch.vault.key.unlock", hang)
        try:
            await restart(house)
        finally:
            answers.set()
    assert "its disk does not answer" in (await issues(house))["vault_key_file"]
    await look(house)
    assert await issues(house) == {}


async def test_a_choice_waits_for_the_vault(house: House) -> None:
    """What was chosen out of it cannot be offered while it is locked."""
    await house.release("1.1.0")
    await house.install()
    lock = house.managed()
    (before,) = house.runtime.vault.ran_before(lock)
    await lock.decided.async_choose(before.release, Source.VAULT, Purpose.ROLLBACK)
    await choose_passphrase(house)
    await restart(house)
    lock = house.managed()
    assert lock.release is None
    await house.runtime.vault.async_unlock(PASSPHRASE)
    assert lock.release == before.release


async def test_a_vault_that_cannot_be_unlocked_any_more(house: House) -> None:
    """Its wrapped key was damaged while somebody looked for the passphrase."""
    await choose_passphrase(house)
    await restart(house)
    result = await begin_fix(house, "vault_locked")
    key = house.runtime.vault._key
    assert key._wrapped is not None
    key._wrapped = replace(key._wrapped, content={})
    result = await go_on(house, result, passphrase=PASSPHRASE)
    assert result["errors"] == {"base": "not_unlocked"}


# What goes wrong with the wrapped key.


async def test_a_wrapped_key_that_is_lost(house: House) -> None:
    """It is said what can be done; with a backup of it everything is there again."""
    await look(house)
    wrapped = storage(house, ".lockbox")
    text = wrapped.read_text()
    for broken in (None, "{", "[]", '{"wrapped": {}, "key_file": null}'):
        if broken is None:
            wrapped.unlink()
        else:
            wrapped.write_text(broken)
        await restart(house)
        assert "vault_key_lost" in await issues(house), broken
        assert house.runtime.vault.source is None
        assert len(blobs(first_place(house))) == 1
    wrapped.write_text(text)
    await look(house, SIX_MINUTES)
    assert kept(house) == {"1.0.0"}
    assert await issues(house) == {}


async def test_beginning_anew_without_a_wrapped(house: House) -> None:
    """What was there is fetched again."""
    await look(house)
    storage(house, ".lockbox").unlink()
    await restart(house)
    result = await fill_in(house, await choose(house, "storage"), anew=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await look(house)
    assert kept(house) == {"1.0.0"}
    await restart(house)
    assert kept(house) == {"1.0.0"}


async def test_a_wrapped_key_that_cannot_be_written(house: House) -> None:
    """Everything stays as it was."""
    await look(house)
    before = storage(house, ".lockbox").read_text()
    result = await choose(house, "passphrase")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "custom_components.nightlatch.adapters.wrapped_key.write_utf8_file_atomic",
            _refuse,
        )
        result = await fill_in(
            house, result, passphrase=PASSPHRASE, passphrase_again=PASSPHRASE
        )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "key_not_changed"
    assert storage(house, ".lockbox").read_text() == before
    assert house.runtime.vault.source is KeySource.STORAGE


async def test_the_first_wrapped_key_cannot_be_written(house: House) -> None:
    """Nothing is kept under a key that nobody would have after the next start."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    storage(house, ".lockbox").unlink()
    shutil.rmtree(first_place(house))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "custom_components.nightlatch.adapters.wrapped_key.write_utf8_file_atomic",
            _refuse,
        )
        assert await house.hass.config_entries.async_setup(house.entry.entry_id)
        await house.settle()
        await look(house)
    assert "vault_first_place" in await issues(house)
    assert kept(house) == set()
    await look(house, SIX_MINUTES)
    await look(house)
    assert kept(house) == {"1.0.0"}
    assert await issues(house) == {}


async def test_options_of_a_household_that_does_not_run(house: House) -> None:
    """Nobody knows how its vault is."""
    result = await house.hass.config_entries.options.async_init(house.entry.entry_id)
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    result = await house.hass.config_entries.options.async_configure(
        result["flow_id"], {"next_step_id": "vault"}
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_loaded"
