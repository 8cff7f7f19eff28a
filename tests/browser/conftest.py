"""One house and one browser for all tests of the group."""

from collections.abc import Iterator

from playwright.sync_api import Browser
import pytest
import pytest_socket

from tests.frontend.conftest import (
    browser,  # noqa: F401
    configure_event_loop,  # noqa: F401
    configure_session_event_loop,  # noqa: F401
    enable_event_loop_debug,  # noqa: F401
    left_as_found,  # noqa: F401
    verify_cleanup,  # noqa: F401
)

from .house import RunningHouse
from .visit import Visit, visiting

# Seconds. A whole house starts in the first test, and everything is in real time.
_TIMEOUT = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test of the group the time that it may take."""
    for item in items:
        item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture(scope="session")
def running_house(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningHouse]:
    """Start the house; Nightlatch is not there yet."""
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
def visit(
    browser: Browser,  # noqa: F811
    house: RunningHouse,
) -> Iterator[Visit]:
    """Let a person sit down who reads English."""
    with visiting(browser, house) as visit:
        yield visit


@pytest.fixture(params=["en", "de"])
def owner(
    request: pytest.FixtureRequest,
    browser: Browser,  # noqa: F811
    house: RunningHouse,
) -> Iterator[Visit]:
    """Let the owner sit down, in either language."""
    with visiting(browser, house, request.param) as visit:
        yield visit
