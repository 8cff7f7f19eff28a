"""What all tests need."""

from collections.abc import Generator
import inspect
import logging
import threading

from hypothesis import Phase, settings
import pytest

# Home Assistant's test package brings a custom_components of its own: ours has to be
# imported before it is looked for.
import custom_components.nightlatch
from homeassistant.util import dt as dt_util, executor

pytest_plugins = ["tests.attacks.table"]

# How long an example takes says something of the machine, not of the software.
settings.register_profile("nightlatch", deadline=None)
settings.load_profile("nightlatch")
# For scripts/mutants: what failed once fails again, and need not be made smaller.
settings.register_profile(
    "mutants",
    deadline=None,
    derandomize=True,
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
)

# Home Assistant interrupts each thread of its pool that has not ended after a part of
# this, also one that was only not run meanwhile: on a busy machine that could hit it while
# it takes the word that all are to end, which the others then never heard.
executor.EXECUTOR_SHUTDOWN_TIMEOUT = 60

_LONGEST_ID = 60


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give every house a configuration folder of its own; nobody writes into another's."""
    return hass_tmp_config_dir


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Keep every line of ours, and of others what would be read in a house.

    Home Assistant's test package asks for every line of everybody. To format those was
    a quarter of what a test of a whole house costs.
    """
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.DEBUG, custom_components.nightlatch.__name__)
    return caplog


# What Home Assistant's test package puts around each test for the sake of a loop.
_FOR_A_LOOP = {
    "configure_event_loop",
    "disable_http_server",
    "enable_event_loop_debug",
    "skip_stop_scripts",
    "verify_cleanup",
}


@pytest.fixture
def left_as_found() -> Generator[None]:
    """Verify what ``verify_cleanup`` does where there is a loop."""
    threads = set(threading.enumerate())
    yield
    left = {thread.name for thread in set(threading.enumerate()) - threads}
    # Home Assistant has it for good, from its first loop on.
    assert not {name for name in left if "_run_safe_shutdown_loop" not in name}
    zone, dt_util.DEFAULT_TIME_ZONE = dt_util.DEFAULT_TIME_ZONE, dt_util.UTC
    assert zone is dt_util.UTC


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start no loop for a test that runs nothing on it: it costs more than most tests."""
    for item in items:
        if isinstance(item, pytest.Function) and not _runs_a_loop(item):
            # Tests of one function have this list in common.
            names = item.fixturenames
            names[:] = ["left_as_found"] * ("left_as_found" not in names) + [
                name for name in names if name not in _FOR_A_LOOP
            ]


def _runs_a_loop(item: pytest.Function) -> bool:
    function = item.function
    # A property is a function that calls what was written.
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    definitions = item._fixtureinfo.name2fixturedefs
    return inspect.iscoroutinefunction(inner) or any(
        inspect.iscoroutinefunction(each.func) or inspect.isasyncgenfunction(each.func)
        for name in item.fixturenames
        if name not in _FOR_A_LOOP
        for each in definitions.get(name, ())
        if each.scope == "function"
    )


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long values by what they are: keys and signatures are others each time.

    Workers must agree about the names of tests.
    """
    long = isinstance(val, bytes | str) and len(val) > _LONGEST_ID
    return argname if long else None
