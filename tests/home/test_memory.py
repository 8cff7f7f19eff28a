"""What is kept on disk, and what that protects from."""

from pathlib import Path
import shutil
from typing import Any

import pytest

from custom_components.nightlatch.caches import INDEXES, cache_of
from homeassistant.components.backup.const import EXCLUDE_FROM_BACKUP
from homeassistant.config_entries import ConfigEntryState
from tests.rig.scene import VENDOR

from .house import FRONT_DOOR, STATUS, House


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"version": 99, "data": {}}, id="from-the-future"),
        pytest.param({"version": 1, "data": {}}, id="empty"),
        pytest.param({"version": 1, "data": {"trust": None}}, id="nothing"),
        pytest.param({"version": 1, "data": []}, id="list"),
        pytest.param(
            {
                "version": 1,
                "data": {"trust": {"time": None, "feeds": {}, "locks": {}}},
            },
            id="no-locks",
        ),
        pytest.param(
            {
                "version": 1,
                "data": {
                    "trust": {"time": None, "feeds": {}, "locks": {}},
                    "locks": {"x": {"identity": {}}},
                },
            },
            id="no-identity",
        ),
        pytest.param(None, id="gone"),
    ],
)
async def test_a_store_that_cannot_be_read_stops_nightlatch(
    house: House,
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    damage: dict[str, Any] | None,
) -> None:
    """Without it old firmware could be taken for new; the words say what to do."""
    hass = house.hass
    await hass.config_entries.async_unload(house.entry.entry_id)
    key = f"nightlatch.{house.entry.entry_id}"
    good = hass_storage.pop(key)
    if damage is not None:
        hass_storage[key] = damage
    assert not await hass.config_entries.async_setup(house.entry.entry_id)
    assert house.entry.state is ConfigEntryState.SETUP_ERROR
    assert house.entry.error_reason_translation_key == "store_unreadable"
    assert "from a backup" in str(house.entry.reason)
    caplog.clear()

    hass_storage[key] = good
    await hass.config_entries.async_reload(house.entry.entry_id)
    await house.settle()
    assert house.state().attributes["installed_version"] == "1.0.0"


async def test_a_first_start_needs_no_store(
    empty_house: House, hass_storage: dict[str, Any]
) -> None:
    """It makes one, so that a missing one can be told from a new house."""
    assert empty_house.kept(hass_storage)["locks"] == {}
    await empty_house.hass.config_entries.async_reload(empty_house.entry.entry_id)
    assert empty_house.entry.state is ConfigEntryState.LOADED


async def test_deleting_the_cache_changes_nothing(house: House) -> None:
    """What was proven is in the store; the rest is transferred again."""
    vendor = house.vendor
    yesterday = vendor.keep()
    await house.release("1.1.0")
    shutil.rmtree(house.cache(VENDOR))
    vendor.replay(yesterday)
    await house.check()
    assert house.state(STATUS).state == "feed_rolled_back"
    vendor.behave()
    await house.check()
    assert house.state(STATUS).state == "ok"
    assert house.state().state == "on"
    await house.reload()
    shutil.rmtree(house.cache(VENDOR))
    vendor.replay(yesterday)
    await house.check()
    assert house.state(STATUS).state == "feed_rolled_back"


async def test_what_is_cached_is_in_no_backup(house: House) -> None:
    """Nor what an older Nightlatch has cached in the storage."""
    config = Path(house.hass.config.config_dir)
    for cached in (house.cache(VENDOR), cache_of(house.hass, INDEXES)):
        top, *rest = cached.relative_to(config).parts
        assert rest
        assert f"{top}/*" in EXCLUDE_FROM_BACKUP
    old = [config / ".storage" / f"nightlatch.{what}" for what in ("feeds", "indexes")]
    for folder in old:
        folder.mkdir(parents=True)
        (folder / "left.json").write_text("{}")
    await house.reload()
    assert not any(folder.exists() for folder in old)
    assert house.state(STATUS).state == "ok"


async def test_no_firmware_below_what_has_run_is_offered(house: House) -> None:
    """Though somebody has put an old one back, and the feed signs it as newer."""
    lock = house.locks[FRONT_DOOR]
    await house.release("1.1.0", security_version=3)
    await house.install()
    floor = house.runtime.store.trust.locks[FRONT_DOOR]
    assert (floor.version.text, floor.security_version) == ("1.1.0", 3)

    lock.comes_back_as = "1.0.0"
    house.vendor.withdraw("kl-1/1.1.0.zip")
    await house.reload()
    assert house.state().attributes["installed_version"] == "1.0.0"
    await house.release("1.0.5", security_version=3)
    assert house.state().state == "off"
    await house.release("1.3.0", security_version=2)
    assert house.state().state == "off"
    await house.release("1.2.0", security_version=3)
    assert house.state().attributes["latest_version"] == "1.2.0"


async def test_the_floor_comes_back_with_the_lock(house: House) -> None:
    """Removing it and adding it again is no way around."""
    await house.release("1.1.0", security_version=3)
    await house.install()
    await house.remove("Front door")
    house.locks[FRONT_DOOR].comes_back_as = "1.0.0"
    house.vendor.withdraw("kl-1/1.1.0.zip")
    await house.release("1.0.5", security_version=2)
    await house.add_lock_already_up(FRONT_DOOR, "Front door")
    assert house.state().attributes["installed_version"] == "1.0.0"
    assert house.state().state == "off"
