"""A browser for all tests of the group, and what they are judged by."""

import asyncio
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright
import pytest

from tests.rig.chromium import FLAGS, chromium_path
from tests.rig.no_loop import (
    configure_event_loop,  # noqa: F401
    configure_session_event_loop,  # noqa: F401
    enable_event_loop_debug,  # noqa: F401
    verify_cleanup,  # noqa: F401
)
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
