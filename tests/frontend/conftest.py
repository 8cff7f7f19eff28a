"""A browser for all tests of the group, and what they are judged by."""

import asyncio
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright
import pytest

from tests.rig.chromium import FLAGS, chromium_path
from tests.rig.node import installed_node

from .stage import FOLDER


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium."""
    asyncio.run(installed_node(FOLDER))
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path(), args=FLAGS
        )
        yield chromium
        chromium.close()


# What Home Assistant's test package does around every test runs a loop, and a browser
# that is driven from a plain function has one of its own. No Home Assistant runs here.


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


@pytest.fixture
def left_as_found() -> None:
    """Let the browser go on from one test to the next, with its threads."""
