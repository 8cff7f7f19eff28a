"""Fixtures of a home whose Bluetooth is a virtual proxy.

Tests that use them import them in their ``conftest.py``.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from unittest.mock import MagicMock, patch

from habluetooth import get_manager
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry  # type: ignore[import-untyped]

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

from .lock_body import LockBody
from .proxy import HOST, EsphomeProxy

CONNECT_TIMEOUT = 10.0
"""Real seconds; what Home Assistant may take to connect to the proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxiedHome:
    """A home with a Bluetooth proxy, and nothing else that does Bluetooth."""

    hass: HomeAssistant
    proxy: EsphomeProxy
    entry: MockConfigEntry
    """Of the ``esphome`` integration."""


@pytest.fixture
async def proxy(socket_enabled: None) -> AsyncGenerator[EsphomeProxy]:
    """Run a proxy; nothing is within its reach yet."""
    proxy = EsphomeProxy("hallway-proxy", "A0:B7:65:4C:3D:10")
    await proxy.start()
    yield proxy
    await proxy.stop()
    # Else what they are at goes on when the test is over.
    for peripheral in proxy.neighbours:
        if isinstance(peripheral, LockBody):
            peripheral.cut_power()


@pytest.fixture
def bare_host() -> Generator[None]:
    """Take away the adapter that Home Assistant's test package puts in.

    And spare Home Assistant the search for a program that nothing here needs.
    """
    with (
        patch("bluetooth_adapters.systems.linux.LinuxAdapters.adapters", {}),
        patch(
            "homeassistant.components.ffmpeg.FFVersion.get_version", return_value=None
        ),
    ):
        yield


@asynccontextmanager
async def connected(
    hass: HomeAssistant, proxy: EsphomeProxy
) -> AsyncGenerator[MockConfigEntry]:
    """Connect Home Assistant to a proxy, and disconnect it at the end."""
    entry = MockConfigEntry(
        domain="esphome",
        title=proxy.name,
        unique_id=proxy.mac.lower(),
        data={
            "host": HOST,
            "port": proxy.port,
            "password": "",
            "noise_psk": "",
            "device_name": proxy.name,
        },
    )
    entry.add_to_hass(hass)
    slots_known = asyncio.Event()
    unsubscribe = get_manager().async_register_allocation_callback(
        lambda _: slots_known.set(), proxy.bluetooth_mac
    )
    # Setting up an entry of esphome doesn't wait for its connection.
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with asyncio.timeout(CONNECT_TIMEOUT):
        await slots_known.wait()
    unsubscribe()
    await hass.async_block_till_done()
    yield entry
    # Or Home Assistant would try to come back to a proxy that has stopped.
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
async def proxied_home(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    proxy: EsphomeProxy,
    bare_host: None,
    mock_async_zeroconf: MagicMock,
) -> AsyncGenerator[ProxiedHome]:
    """Connect Home Assistant to the proxy with its own ``esphome`` integration."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "bluetooth", {})
    async with connected(hass, proxy) as entry:
        yield ProxiedHome(hass=hass, proxy=proxy, entry=entry)
