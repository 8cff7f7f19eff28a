"""The ground floor is attacked without a home, on virtual time."""

import pytest

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


@pytest.fixture(autouse=True)
def loopback_http() -> None:
    """There is no feed."""


@pytest.fixture(autouse=True)
def no_minutes() -> None:
    """There is no night."""


@pytest.fixture(autouse=True)
def clean_log() -> None:
    """What is logged of a peer is no fault."""
