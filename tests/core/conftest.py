"""What the tests of the ground floor share."""

from tests.rig.virtual_time import (
    configure_event_loop,
    enable_event_loop_debug,
    mock_zeroconf_resolver,
    pytest_asyncio_loop_factories,
)

__all__ = [
    "configure_event_loop",
    "enable_event_loop_debug",
    "mock_zeroconf_resolver",
    "pytest_asyncio_loop_factories",
]
