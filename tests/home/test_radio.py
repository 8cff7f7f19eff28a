"""The way to the locks through Home Assistant's Bluetooth: wishes and refusals."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock, Mock

from bleak.exc import BleakError
from bleak_retry_connector import (
    BleakAbortedError,
    BleakNotFoundError,
    BleakOutOfConnectionSlotsError,
)
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.base import close
from homeassistant.components import bluetooth

from .house import FRONT_DOOR, House

WISHES = ("shorten_interval", "forget_services")
NAMES = {"shorten_interval": "set_connection_params", "forget_services": "clear_cache"}


async def test_a_lock_is_reached_through_the_proxy(house: House) -> None:
    """And is told when the link goes."""
    lost = asyncio.Event()
    client = await house.runtime.radio.connect(
        FRONT_DOOR, name="Front door", disconnected=lost.set
    )
    assert client.is_connected
    assert client.mtu_size == 247
    house.links[FRONT_DOOR].cut()
    async with asyncio.timeout(5):
        await lost.wait()
    await close(client)


@pytest.mark.parametrize("wish", WISHES)
async def test_wishes_are_carried_out(house: House, wish: str) -> None:
    """By the proxy, which can do both."""
    radio = house.runtime.radio
    client = await radio.connect(FRONT_DOOR, name="", disconnected=lambda: None)
    link = house.links[FRONT_DOOR]
    link.model.connection_interval = link.interval = 0.02
    await getattr(radio, wish)(client)
    if wish == "shorten_interval":
        assert link.interval == pytest.approx(0.0075)
    await close(client)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize(
    "client",
    [
        pytest.param(lambda _: object(), id="never-heard-of-it"),
        *(
            pytest.param(
                lambda name, error=error: Mock(**{name: AsyncMock(side_effect=error)}),
                id=type(error).__name__,
            )
            for error in (BleakError("no"), TimeoutError(), NotImplementedError())
        ),
    ],
)
async def test_wishes_are_only_wishes(house: House, wish: str, client: Any) -> None:
    """A backend that cannot do it is no reason to give up an installation."""
    await getattr(house.runtime.radio, wish)(client(NAMES[wish]))


@pytest.mark.parametrize("holds", [True, False], ids=["holds", "may-hold"])
async def test_an_adapter_of_this_machine_forgets_no_lock(
    house: House, monkeypatch: pytest.MonkeyPatch, holds: bool
) -> None:
    """To clear the cache, BlueZ would remove the lock, its connection and its bond."""
    adapter = Mock(spec=bluetooth.HaScanner, source="00:11:22:33:44:55")
    adapter.get_allocations.return_value = Mock(allocated=[FRONT_DOOR] if holds else [])
    monkeypatch.setattr(bluetooth, "async_current_scanners", lambda _: [adapter])
    monkeypatch.setattr(
        bluetooth,
        "async_scanner_devices_by_address",
        lambda *_, **__: [Mock(scanner=adapter)],
    )
    client = Mock(address=FRONT_DOOR, clear_cache=AsyncMock())
    await house.runtime.radio.forget_services(client)
    client.clear_cache.assert_not_called()


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (
            BleakOutOfConnectionSlotsError("no slot"),
            TransportProblem.NO_CONNECTION_SLOT,
        ),
        (BleakNotFoundError("gone"), TransportProblem.NOT_FOUND),
        (BleakAbortedError("aborted"), TransportProblem.CONNECTION_FAILED),
        (TimeoutError(), TransportProblem.CONNECTION_FAILED),
    ],
    ids=["slots", "gone", "aborted", "timeout"],
)
async def test_why_there_is_no_connection(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    problem: TransportProblem,
) -> None:
    """In the words that a person gets."""
    monkeypatch.setattr(
        "custom_components.nightlatch.adapters.bluetooth.establish_connection",
        AsyncMock(side_effect=error),
    )
    with pytest.raises(TransportError) as caught:
        await house.runtime.radio.connect(
            FRONT_DOOR, name="Front door", disconnected=lambda: None
        )
    assert caught.value.reason is problem


async def test_a_lock_that_nobody_hears(house: House) -> None:
    """Home Assistant knows why, and that is kept with the error."""
    with pytest.raises(TransportError) as caught:
        await house.runtime.radio.connect(
            "C0:00:00:00:00:01", name="Front door", disconnected=lambda: None
        )
    assert caught.value.reason is TransportProblem.NOT_FOUND
    assert caught.value.details["reachability"]


async def test_only_what_is_heard_from_now_on_is_found(house: House) -> None:
    """Not what Home Assistant remembers of a lock that may have gone."""
    radio = house.runtime.radio
    house.proxy.remove(house.locks[FRONT_DOOR])
    assert bluetooth.async_last_service_info(house.hass, FRONT_DOOR) is not None
    with pytest.raises(TimeoutError):
        await radio.find(lambda seen: seen.address == FRONT_DOOR, 0.1)
    house.links[FRONT_DOOR] = house.proxy.add(house.locks[FRONT_DOOR])
    seen = await radio.find(lambda seen: seen.address == FRONT_DOOR, 5)
    assert seen.local_name == "Kestrel One"
    assert seen.rssi == -60
