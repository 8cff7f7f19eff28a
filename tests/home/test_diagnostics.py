"""Diagnostics: everything that helps with a problem, and nothing that opens a door."""

import asyncio
import json

import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (  # type: ignore[import-untyped]
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from tests.rig.scene import HARDWARE_REVISION, VENDOR

from .asked import install
from .flows import until
from .house import FRONT_DOOR, House


async def download(house: House, hass_client: ClientSessionGenerator) -> str:
    """Download the diagnostics as a browser does; return their text."""
    assert await async_setup_component(house.hass, "diagnostics", {})
    return json.dumps(
        await get_diagnostics_for_config_entry(house.hass, hass_client, house.entry)
    )


def assert_nothing_tells_one_door_from_all_others(house: House, text: str) -> None:
    """Not an address, a serial number or the URL of a feed, nor parts of it."""
    for secret in (
        FRONT_DOOR,
        FRONT_DOOR.lower(),
        FRONT_DOOR.replace(":", ""),
        house.vendor.url,
        "127.0.0.1",
        '"0001"',
    ):
        assert secret not in text


async def test_what_helps_is_there(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """What the lock is and runs, what the feed says, and what would be installed."""
    await house.release("1.1.0")
    await house.install()
    await house.release("1.2.0")
    await house.release("1.3.0", severity="dreadful")

    text = await download(house, hass_client)

    assert_nothing_tells_one_door_from_all_others(house, text)
    data = json.loads(text)
    assert data["trusted_time"] is not None
    feed = data["feeds"][house.subentry(VENDOR).subentry_id]
    assert feed["url"] == "**REDACTED**"
    assert feed["trouble"] is None
    assert feed["firmware_keys"] == [house.vendor.firmware_key_pem]
    assert feed["content"]["vendor"] == VENDOR
    assert feed["content"]["models"] == ["KL-1", "KL-C"]
    assert [release["version"] for release in feed["content"]["releases"]] == [
        "1.0.0",
        "1.1.0",
        "1.2.0",
    ]
    (refused,) = feed["content"]["refused"]
    assert "severity" in refused
    lock = data["locks"][house.subentry("Front door").subentry_id]
    assert lock["address"] == "**REDACTED**"
    assert lock["release"] == "1.2.0"
    assert lock["in_bootloader"] is False
    assert lock["progress"] is None
    identity = lock["record"]["identity"]
    assert identity["serial_number"] == "**REDACTED**"
    assert identity["firmware_version"] == "1.1.0"
    assert identity["hardware_revision"] == HARDWARE_REVISION
    assert lock["record"]["history"][-1]["kind"] == "succeeded"


async def test_a_house_in_trouble(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """What went wrong is there in detail, and still nothing that tells where."""
    await house.release("1.1.0")
    house.vendor.expire("timestamp")
    await house.check()
    with pytest.raises(HomeAssistantError):
        await house.install()

    text = await download(house, hass_client)

    assert_nothing_tells_one_door_from_all_others(house, text)
    data = json.loads(text)
    feed = data["feeds"][house.subentry(VENDOR).subentry_id]
    assert feed["trouble"] == "feed_expired"
    assert feed["error_details"]["role"] == "timestamp"
    assert feed["error_details"]["host"] == "**REDACTED**"
    lock = data["locks"][house.subentry("Front door").subentry_id]
    assert "has expired" in lock["record"]["history"][-1]["message"]


async def test_a_release_of_somebody_who_may_not_sign_any_more(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """The line that tells why it is left out names no host either."""
    house.vendor.delegate("partner", ["partner/*"])
    house.vendor.release(
        "partner/2.0.zip",
        b"firmware",
        role="partner",
        version="2.0",
        hardware_revisions=[HARDWARE_REVISION],
    )
    house.vendor.expire("partner")
    await house.check()
    text = await download(house, hass_client)
    assert "partner/2.0.zip: feed_expired" in text
    assert_nothing_tells_one_door_from_all_others(house, text)


async def test_a_house_in_the_middle_of_it(
    house: House, hass_client: ClientSessionGenerator
) -> None:
    """And one whose feed was never heard."""
    await house.release("1.1.0")
    press = asyncio.create_task(install(house.managed()))
    await until(lambda: house.managed().progress is not None)
    house.feed.data = None
    text = await download(house, hass_client)
    data = json.loads(text)
    lock = data["locks"][house.subentry("Front door").subentry_id]
    assert set(lock["progress"]) == {
        "state",
        "percentage",
        "cancellable",
        "unsettles",
    }
    feed = data["feeds"][house.subentry(VENDOR).subentry_id]
    assert feed["content"] is None
    assert_nothing_tells_one_door_from_all_others(house, text)
    await press
    await house.settle()
