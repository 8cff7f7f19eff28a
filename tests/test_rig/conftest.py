"""What the tests of the rig share."""

from tests.rig.fixtures import bare_host, proxied_home, proxy
from tests.rig.virtual_time import (
    configure_event_loop,
    enable_event_loop_debug,
    mock_zeroconf_resolver,
    pytest_asyncio_loop_factories,
)

__all__ = [
    "bare_host",
    "configure_event_loop",
    "enable_event_loop_debug",
    "mock_zeroconf_resolver",
    "proxied_home",
    "proxy",
    "pytest_asyncio_loop_factories",
]
