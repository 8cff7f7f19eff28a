"""The homes that are attacked are those of the other tests."""

from tests.home.conftest import (
    clean_log,
    empty_house,
    enable_event_loop_debug,
    house,
    loopback_http,
    no_minutes,
    two_doors,
    vendor,
)
from tests.home.impatience import impatience
from tests.home.mcuboot_house import mcuboot_house, mcuboot_vendor
from tests.home.uploads import upload
from tests.home.vaulted import elsewhere, quick_argon2
from tests.home.zigbee_house import zigbee_home, zigbee_house
from tests.rig.fixtures import bare_host, proxied_home, proxy
from tests.rig.idle_time import configure_event_loop, pytest_asyncio_loop_factories

__all__ = [
    "bare_host",
    "clean_log",
    "configure_event_loop",
    "elsewhere",
    "empty_house",
    "enable_event_loop_debug",
    "house",
    "impatience",
    "loopback_http",
    "mcuboot_house",
    "mcuboot_vendor",
    "no_minutes",
    "proxied_home",
    "proxy",
    "pytest_asyncio_loop_factories",
    "quick_argon2",
    "two_doors",
    "upload",
    "vendor",
    "zigbee_home",
    "zigbee_house",
]
