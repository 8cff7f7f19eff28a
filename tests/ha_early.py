"""Lets the test package for an older Home Assistant run with the newest one.

Loaded with ``-p tests.ha_early``, before the plugins of installed packages. To be
dropped when there is a test package for the newest release.
"""

# Home Assistant aliases httpx to httpx2, which has to happen before a plugin imports it.
import homeassistant  # noqa: F401
from homeassistant.components import logger


def _nothing_to_clear(_hass: object = None) -> None:
    """Do nothing: the newest release keeps no such state."""


# The test package calls this after each test.
if not hasattr(logger, "_clear_logger_overwrites"):
    logger._clear_logger_overwrites = _nothing_to_clear  # type: ignore[assignment]
