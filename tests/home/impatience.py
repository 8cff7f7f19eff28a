"""Deadlines and pauses, shortened: what is waited for stays the same.

Nothing of the logic is touched. A lock that is silent for good is waited for just as in
a house, only not for minutes. The seconds are those of tests/rig/idle_time.py, which pass
only while everybody waits: none is too short for a slow machine.
"""

from functools import cache
import sys
from types import ModuleType

from bleak_esphome.backend import client as esphome_client
import bleak_retry_connector
import pytest

from custom_components.nightlatch.core.feeds import transfer, tuf
from custom_components.nightlatch.core.transports.nordic_link import BootloaderLink
from homeassistant.components.mqtt import client as mqtt_client
from tests.rig import bootloader, mcuboot_lock, proxy_air, proxy_connection, scene

IMAGE_SIZE = 8_192
"""Bytes; two objects, so that there is something between them."""

_NIGHTLATCH = {
    "ABORT_TIMEOUT": 3.0,
    "ANSWER_TIMEOUT": 0.5,
    "APPLICATION_TIMEOUT": 0.3,
    "ASK_AGAIN": 0.2,
    "AWAY_TIMEOUT": 0.3,
    "BEGUN_AFTER": 0.12,
    "BUSY_PATIENCE": 0.5,
    "BUSY_PAUSE": 0.05,
    "BUTTONLESS_TIMEOUT": 1.0,
    "CHECK_TIMEOUT": 1.0,
    "CLOSES_WITHIN": 1.0,
    "CLOSE_TIMEOUT": 1.0,
    "COMPARE_WITHIN": 1.0,
    "CONFIRM_TIMEOUT": 0.5,
    "DISCOVERY_DELAY": 0.3,
    "EXECUTE_TIMEOUT": 1.0,
    "JUMP_TIMEOUT": 0.3,
    "MOVE_TIMEOUT": 1.0,
    "PAUSE": 0.05,
    "READ_TIMEOUT": 1.0,
    "REPORT_TIMEOUT": 1.5,
    "RECONNECT_DELAY": 0.02,
    "RESTARTS_BY_ITSELF": 0.5,
    "RESTART_TIMEOUT": 0.5,
    "RETURN_TIMEOUT": 1.6,
    "SERVER_PATIENCE": 6.0,
    "SERVER_PAUSE": 0.1,
    "SETTLED_AFTER": 0.05,
    "SILENT_FOR": 0.2,
    "SETTLE_TIME": 0.4,
    "SOURCE_TIMEOUT": 1.0,
    "START_TIMEOUT": 1.0,
    "STALL_TIMEOUT": 1.0,
    "IDLE_TIMEOUT": 0.8,
    "TOLD_TIMEOUT": 0.3,
    "SUBSCRIBE_TIMEOUT": 1.0,
    "WELL_TIMEOUT": 1.0,
    "UNSEEN_PATIENCE": 1.0,
    "_ADVERTISEMENT_TIMEOUT": 0.3,
    "_CONNECT_TIMEOUT": 3.0,
    "_LOOK": 0.1,
    "_LOOK_INTERVAL": 0.01,
    "_PAUSE": 0.05,
    "_WISH_TIMEOUT": 1.0,
}
"""By name, in whichever modules of Nightlatch have seconds by it."""

_OTHERS: dict[ModuleType, dict[str, float]] = {
    bleak_retry_connector: {
        "BLEAK_BACKOFF_TIME": 0.01,
        "BLEAK_OUT_OF_SLOTS_BACKOFF_TIME": 0.01,
        "BLEAK_SAFETY_TIMEOUT": 1.0,
        "BLEAK_TIMEOUT": 0.5,
        "BLEAK_TRANSIENT_BACKOFF_TIME": 0.01,
        "BLEAK_TRANSIENT_LONG_BACKOFF_TIME": 0.01,
        "BLEAK_TRANSIENT_MEDIUM_BACKOFF_TIME": 0.01,
    },
    # What is subscribed is collected for so long.
    mqtt_client: {"INITIAL_SUBSCRIBE_COOLDOWN": 0.01, "SUBSCRIBE_COOLDOWN": 0.01},
    esphome_client: {"CONNECT_FREE_SLOT_TIMEOUT": 0.05, "DISCONNECT_TIMEOUT": 0.5},
    # As in earnest: shorter than a lock is waited for.
    bootloader: {"INACTIVITY_TIMEOUT": 0.8},
    mcuboot_lock: {"SERVER_START": 0.2},
    proxy_air: {"BATCH_INTERVAL": 0.02},
    proxy_connection: {"CONNECT_TIMEOUT": 0.3},
}

_LIMITS = transfer.Limits(total=6, file=5, answer=1.5, grace=0.8, rate=64 * 1024)


# Looked up once for as long as no module comes.
@cache
def _having(modules: tuple[ModuleType, ...]) -> list[tuple[ModuleType, str]]:
    """Return which module has seconds by which name."""
    found = []
    for name in _NIGHTLATCH:
        having = [
            module
            for module in modules
            if isinstance(getattr(module, name, None), int | float)
        ]
        assert having, name
        found += [(module, name) for module in having]
    return found


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a house wait for tenths of seconds where it would wait for seconds."""
    loaded = tuple(
        module
        for name, module in sys.modules.items()
        if name.startswith("custom_components.nightlatch.")
    )
    for module, name in _having(loaded):
        monkeypatch.setattr(module, name, _NIGHTLATCH[name])
    for module, constants in _OTHERS.items():
        for name, seconds in constants.items():
            monkeypatch.setattr(module, name, seconds)
    # The default of a parameter: it was taken from its constant at the import.
    defaults = BootloaderLink.request.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", _NIGHTLATCH["ANSWER_TIMEOUT"])
    monkeypatch.setattr(tuf, "Limits", lambda: _LIMITS)
    monkeypatch.setattr(scene, "IMAGE_SIZE", IMAGE_SIZE)
