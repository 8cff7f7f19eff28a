"""What System health tells of the household: counted, and nothing that opens a door."""

from pathlib import Path
from typing import Any
import zoneinfo

import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info  # type: ignore[import-untyped]
import tzdata  # type: ignore[import-untyped]

from custom_components.nightlatch.adapters.zone_data import ZoneData, read_zone_data
from custom_components.nightlatch.const import DOMAIN
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .house import FRONT_DOOR, House


async def info_of(hass: HomeAssistant) -> dict[str, Any]:
    """Return what a helper is shown."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    told: dict[str, Any] = await get_system_health_info(hass, DOMAIN)
    return told


async def test_it_counts_what_there_is(two_doors: House) -> None:
    """And names no door, no address and no vendor."""
    told = await info_of(two_doors.hass)
    assert told["home_assistant"] == __version__
    assert told["locks"] == "2 direct"
    assert (told["feeds"], told["feed_troubles"]) == (1, 0)
    assert (told["locks_to_look_at"], told["installing"]) == (0, 0)
    assert (told["vault"], told["saved"], told["running"]) == ("ok", True, True)
    for secret in ("Front door", FRONT_DOOR, two_doors.vendor.url):
        assert secret not in str(told)


async def test_a_feed_in_trouble_is_told_by_its_reason(house: House) -> None:
    """Which is the same in every language."""
    await house.vendor.stop()
    await house.check()
    told = await info_of(house.hass)
    assert told["feed_troubles"] == "feed_unreachable"


async def test_it_is_told_also_while_nightlatch_does_not_run(house: House) -> None:
    """That is what it is asked for most."""
    await house.hass.config_entries.async_unload(house.entry.entry_id)
    told = await info_of(house.hass)
    assert told["running"] is False
    assert told["home_assistant"] == __version__


@pytest.mark.parametrize(
    ("line", "used", "old"),
    [
        ("# version 2019c", "2019c", True),
        (f"# version {tzdata.IANA_VERSION}", tzdata.IANA_VERSION, False),
        ("Rule ...", None, False),
    ],
)
def test_zone_data_of_the_system_come_first(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
    used: str | None,
    old: bool,
) -> None:
    """Older ones than Home Assistant brings are named."""
    (tmp_path / "UTC").touch()
    (tmp_path / "tzdata.zi").write_text(f"{line}\n", "utf-8")
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path / "none"), str(tmp_path)))
    found = read_zone_data()
    assert (found.used, found.is_old) == (used, old)
    (tmp_path / "tzdata.zi").unlink()
    assert read_zone_data().used is None


def test_without_a_system_those_of_home_assistant_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Python does it."""
    monkeypatch.setattr(zoneinfo, "TZPATH", ())
    assert read_zone_data() == ZoneData(tzdata.IANA_VERSION, tzdata.IANA_VERSION)
