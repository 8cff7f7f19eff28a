"""A home with a vendor's feed and locks, reached through a Bluetooth proxy."""

import asyncio
from collections.abc import AsyncGenerator, Generator
import logging

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from custom_components.nightlatch.const import DOMAIN
from tests.rig.fixtures import ProxiedHome, bare_host, proxied_home, proxy  # noqa: F401
from tests.rig.idle_time import configure_event_loop, pytest_asyncio_loop_factories  # noqa: F401
from tests.rig.scene import MODELS, VENDOR, publish
from tests.rig.vendor import Vendor

from .house import BACK_DOOR, FRONT_DOOR, House
from .impatience import impatience  # noqa: F401
from .mcuboot_house import mcuboot_house, mcuboot_vendor  # noqa: F401
from .uploads import upload  # noqa: F401
from .vaulted import elsewhere, quick_argon2  # noqa: F401
from .zigbee_house import zigbee_home, zigbee_house  # noqa: F401

EXPECTED_ERRORS = {
    # How Home Assistant's coordinators tell that a check has failed.
    "custom_components.nightlatch.coordinator",
}


@pytest.fixture(autouse=True)
def loopback_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let feeds be served on this machine without TLS."""
    monkeypatch.setattr(
        "custom_components.nightlatch.coordinator.ALLOW_LOOPBACK_HTTP", True
    )


@pytest.fixture(autouse=True)
def no_minutes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no night begin because a test happens to run while a minute ends."""
    if request.node.get_closest_marker("minutes") is None:
        monkeypatch.setattr(
            "custom_components.nightlatch.scheduler.async_track_utc_time_change",
            lambda *_, **__: lambda: None,
        )


@pytest.fixture(autouse=True)
def clean_log(caplog: pytest.LogCaptureFixture) -> Generator[None]:
    """Let no error pass that nobody looked for, and nothing that blocks the loop.

    Home Assistant only logs what goes wrong in a callback or in the background.
    """
    yield
    for record in caplog.get_records("call"):
        message = record.getMessage()
        assert "blocking call" not in message, message
        assert record.levelno < logging.ERROR or record.name in EXPECTED_ERRORS, message


@pytest.fixture
async def vendor(socket_enabled: None) -> AsyncGenerator[Vendor]:
    """Run a vendor that has released nothing newer than what the locks run."""
    vendor = Vendor(name=VENDOR, models=MODELS)
    publish(vendor, "1.0.0")
    await vendor.start()
    yield vendor
    await vendor.stop()


@pytest.fixture
async def empty_house(
    proxied_home: ProxiedHome,  # noqa: F811
    vendor: Vendor,
) -> AsyncGenerator[House]:
    """Set up Nightlatch, without feeds and locks."""
    entry = MockConfigEntry(domain=DOMAIN, title="Nightlatch")
    entry.add_to_hass(proxied_home.hass)
    assert await proxied_home.hass.config_entries.async_setup(entry.entry_id)
    house = House(
        hass=proxied_home.hass, proxy=proxied_home.proxy, vendor=vendor, entry=entry
    )
    yield house
    # A lock that was left somewhere has clocks of its own; nobody waits for them.
    for lock in house.locks.values():
        lock.cut_power()


@pytest.fixture
async def house(empty_house: House) -> House:
    """Add the vendor's feed, and a lock in the front door that runs 1.0.0."""
    await empty_house.add_feed()
    await empty_house.add_lock(FRONT_DOOR, "Front door")
    return empty_house


@pytest.fixture
async def two_doors(house: House) -> House:
    """Add a lock of the same model in the back door."""
    await house.add_lock(BACK_DOOR, "Back door")
    return house


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Leave the loop's debug mode off.

    It notes the stack at each call that is scheduled, which is a third of what a test
    of a whole house costs. What blocks the loop Home Assistant notices without it.
    """
    asyncio.get_running_loop().set_debug(False)
