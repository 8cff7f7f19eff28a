"""Fixtures for tests without a loop of their own.

What Home Assistant's test package does around every test runs a loop, and a browser
that is driven from a plain function has one of its own.
"""

import pytest


@pytest.fixture
def configure_event_loop() -> None:
    """Leave the loop alone."""


@pytest.fixture(scope="session")
def configure_session_event_loop() -> None:
    """Leave the loop alone."""


@pytest.fixture
def enable_event_loop_debug() -> None:
    """Leave the loop alone."""


@pytest.fixture
def verify_cleanup() -> None:
    """Look after nothing of Home Assistant's."""
