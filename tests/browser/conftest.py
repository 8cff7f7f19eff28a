"""One house and one browser for all tests of the group."""

import asyncio
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright
import pytest
import pytest_socket

from tests.frontend.stage import FOLDER as FRONTEND
from tests.rig.chromium import FLAGS, chromium_path
from tests.rig.no_loop import (
    configure_event_loop,  # noqa: F401
    configure_session_event_loop,  # noqa: F401
    enable_event_loop_debug,  # noqa: F401
    verify_cleanup,  # noqa: F401
)
from tests.rig.node import installed_node

from .house import RunningHouse
from .visit import Visit, visiting


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start the system's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=chromium_path(), args=FLAGS
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def running_house(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHouse]:
    """Start the house; Nightlatch is not there yet."""
    asyncio.run(installed_node(FRONTEND))
    with pytest.MonkeyPatch.context() as patch:
        # The house goes on between two tests, when Home Assistant's test package takes
        # its sockets away.
        patch.setattr(pytest_socket, "disable_socket", lambda **_: None)
        pytest_socket.enable_socket()
        with RunningHouse(tmp_path_factory.mktemp("house")) as house:
            yield house


@pytest.fixture
def house(running_house: RunningHouse) -> Iterator[RunningHouse]:
    """Let Nightlatch look after the four locks; nothing of ours may go wrong meanwhile."""
    before = len(running_house.complaints)
    running_house.furnish()
    yield running_house
    assert running_house.complaints[before:] == []


@pytest.fixture
def visit(browser: Browser, house: RunningHouse) -> Iterator[Visit]:
    """Let a person sit down who reads English."""
    with visiting(browser, house) as visit:
        yield visit
