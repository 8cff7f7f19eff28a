"""What all tests need."""

from hypothesis import Phase, settings
import pytest

# Home Assistant's test package brings a custom_components of its own: ours has to be
# imported before it is looked for.
import custom_components.nightlatch  # noqa: F401

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

_LONGEST_ID = 60


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Give every house a configuration folder of its own; nobody writes into another's."""
    return hass_tmp_config_dir


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name long values by what they are: keys and signatures are others each time.

    Workers must agree about the names of tests.
    """
    long = isinstance(val, bytes | str) and len(val) > _LONGEST_ID
    return argname if long else None
