"""The radio in the same process: the manners of Home Assistant's Bluetooth."""

import asyncio
from collections.abc import AsyncIterator

from bleak.exc import BleakCharacteristicNotFoundError, BleakError
import pytest

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.base import Advertisement
from tests.rig.faults import Fault, Traffic
from tests.rig.link import LinkModel
from tests.rig.lock_services import (
    BATTERY_LEVEL,
    CONTROL_POINT,
    DFU_SERVICE,
    MODEL,
    PACKET,
    Buttonless,
)
from tests.rig.radio import CONNECT_ATTEMPTS, CONNECT_TIMEOUT
from tests.rig.virtual_time import virtual_time

from .dfu import ADDRESS, BOOTLOADER_ADDRESS, Home

pytestmark = virtual_time

OTHER_ADDRESS = "D0:00:00:00:00:10"


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    """A lock that advertises."""
    home = Home(model=LinkModel(connection_interval=0.03))
    await home.appears(ADDRESS)
    yield home
    home.close()


async def test_services_look_as_bleak_shows_them(home: Home) -> None:
    """With properties, descriptors and the length of a packet."""
    client = await home.connect()
    assert client.mtu_size == 23
    model = client.services.get_characteristic(MODEL)
    buttonless = client.services.get_characteristic(Buttonless.UNBONDED.uuid)
    assert model is not None
    assert buttonless is not None
    assert model.properties == ["read"]
    assert model.descriptors == []
    assert model.max_write_without_response_size == 244
    assert buttonless.service_uuid == DFU_SERVICE
    assert buttonless.properties == ["write", "indicate"]
    assert [descriptor.uuid[4:8] for descriptor in buttonless.descriptors] == ["2902"]
    assert bytes(await client.read_gatt_char(model)) == b"NB-1"
    assert bytes(await client.read_gatt_char(model.handle)) == b"NB-1"
    assert bytes(await client.read_gatt_char(MODEL)) == b"NB-1"


async def test_refusals_are_bleaks_errors(home: Home) -> None:
    """Whoever catches BleakError catches them all."""
    client = await home.connect()
    with pytest.raises(BleakCharacteristicNotFoundError):
        await client.read_gatt_char(CONTROL_POINT)
    with pytest.raises(BleakError, match="not notify"):
        await client.start_notify(MODEL, lambda _, __: None)
    with pytest.raises(BleakError) as refused:
        await client.read_gatt_char(Buttonless.UNBONDED.uuid)
    assert "error=2 " in str(refused.value)
    with pytest.raises(BleakError) as refused:
        await client.write_gatt_char(MODEL, b"x", response=True)
    assert "error=3 " in str(refused.value)


async def test_without_a_wish_the_properties_decide_about_the_response(
    home: Home,
) -> None:
    """As bleak does it."""
    await home.enter_bootloader()
    client = await home.connect()
    await client.start_notify(CONTROL_POINT, lambda _, __: None)
    writes = home.link.counters.writes
    await client.write_gatt_char(CONTROL_POINT, b"\x03")
    await client.write_gatt_char(PACKET, b"\0\0\0\0")
    await asyncio.sleep(1)
    assert home.link.counters.writes - writes == 1
    assert home.link.counters.packets == 1


async def test_a_lost_link_is_told_once_and_for_all(home: Home) -> None:
    """What was under way fails, and the client stays dead when another one lives."""
    client = await home.connect()
    reading = asyncio.create_task(client.read_gatt_char(MODEL))
    await asyncio.sleep(0)
    home.link.cut()
    with pytest.raises(BleakError):
        await reading
    assert home.disconnects == 1
    assert not client.is_connected
    other = await home.connect()
    assert other.is_connected
    assert not client.is_connected
    with pytest.raises(BleakError, match="Not connected"):
        await client.write_gatt_char(MODEL, b"x", response=False)
    await client.disconnect()
    assert other.is_connected
    await other.disconnect()
    assert home.disconnects == 2


# Connecting.


async def test_a_lock_that_was_never_heard_is_not_found(home: Home) -> None:
    """The radio waits for it in vain."""
    start = asyncio.get_running_loop().time()
    with pytest.raises(TransportError) as error:
        await home.connect(OTHER_ADDRESS)
    assert error.value.reason is TransportProblem.NOT_FOUND
    waited = asyncio.get_running_loop().time() - start
    assert waited == pytest.approx(CONNECT_TIMEOUT, abs=0.2)


async def test_a_lock_that_was_heard_but_is_gone_cannot_be_connected(
    home: Home,
) -> None:
    """That is another trouble, and has another name."""
    home.lock.cut_power()
    with pytest.raises(TransportError) as error:
        await home.connect(ADDRESS)
    assert error.value.reason is TransportProblem.CONNECTION_FAILED


async def test_connecting_is_tried_more_than_once(home: Home) -> None:
    """A few refusals do not matter."""
    refusals = CONNECT_ATTEMPTS - 1
    home.link.order(Traffic.CONNECTION, Fault.LOSE, times=refusals)
    await home.connect()
    home.link.cut()
    home.link.order(Traffic.CONNECTION, Fault.LOSE, times=refusals + 1)
    with pytest.raises(TransportError) as error:
        await home.connect()
    assert error.value.reason is TransportProblem.CONNECTION_FAILED


async def test_connection_slots_run_out(home: Home) -> None:
    """And come back when a connection ends."""
    home.radio.slots = 1
    client = await home.connect()
    with pytest.raises(TransportError) as error:
        await home.connect()
    assert error.value.reason is TransportProblem.NO_CONNECTION_SLOT
    await client.disconnect()
    await home.connect()


async def test_giving_up_leaves_no_connection_behind(home: Home) -> None:
    """Whoever is cancelled while services are discovered holds no slot."""
    home.link.model.connection_interval = 10.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(15):
            await home.connect()
    assert not home.link.connected


# Scanning.


async def test_what_was_heard_before_does_not_count(home: Home) -> None:
    """A lock that has just gone is not found by its last advertisement."""
    home.lock.cut_power()
    with pytest.raises(TimeoutError):
        await home.radio.find(lambda _: True, 5)


async def test_a_scan_sees_what_is_advertised(home: Home) -> None:
    """All locks within range, whatever mode they are in."""
    other = Home(address=OTHER_ADDRESS)
    home.radio.add(other.lock)
    heard: set[tuple[str, str | None, tuple[str, ...]]] = set()

    def listen(found: Advertisement) -> bool:
        heard.add((found.address, found.local_name, found.service_uuids))
        return False

    with pytest.raises(TimeoutError):
        await home.radio.find(listen, 5)
    await home.enter_bootloader()
    with pytest.raises(TimeoutError):
        await home.radio.find(listen, 5)
    assert heard == {
        (ADDRESS, "Nightbolt", ()),
        (OTHER_ADDRESS, "Nightbolt", ()),
        (BOOTLOADER_ADDRESS, "DfuTarg", (DFU_SERVICE,)),
    }
    other.close()


# The cache, and the interval.


@pytest.fixture
async def bonded_home() -> AsyncIterator[Home]:
    """A lock whose bootloader has the address of its application."""
    home = Home(
        buttonless=Buttonless.BONDED, model=LinkModel(mtu_after_reconnect=(23,))
    )
    home.radio.tells_mtu = True
    await home.appears(ADDRESS)
    yield home
    home.close()


@pytest.mark.parametrize("believes_memory", [False, True])
async def test_services_and_mtu_are_cached_by_address(
    bonded_home: Home, believes_memory: bool
) -> None:
    """At one address the bootloader looks like the application, until one asks anew.

    Before a proxy that is not enough: it has to be told to forget.
    """
    bonded_home.radio.believes_memory = believes_memory
    await bonded_home.enter_bootloader()
    client = await bonded_home.connect(fresh_services=False)
    assert client.services.get_characteristic(CONTROL_POINT) is None
    assert client.services.get_characteristic(BATTERY_LEVEL)
    assert client.mtu_size == 247
    await client.disconnect()
    client = await bonded_home.connect(fresh_services=True)
    if believes_memory:
        assert client.services.get_characteristic(CONTROL_POINT) is None
        await bonded_home.radio.forget_services(client)
        await client.disconnect()
        client = await bonded_home.connect(fresh_services=True)
    assert client.services.get_characteristic(CONTROL_POINT)
    assert client.mtu_size == 23
    await client.disconnect()
    client = await bonded_home.connect(fresh_services=False)
    assert client.services.get_characteristic(CONTROL_POINT)


async def test_the_cache_can_be_told_to_forget(bonded_home: Home) -> None:
    """Which has to be done while the application is still there."""
    client = await bonded_home.connect()
    await client.pair()
    await bonded_home.radio.forget_services(client)
    await bonded_home.command(client, b"\x01")
    await bonded_home.radio.find(lambda found: found.local_name == "DfuTarg", 10)
    client = await bonded_home.connect(fresh_services=False)
    assert client.services.get_characteristic(CONTROL_POINT)


@pytest.mark.parametrize(("honours", "interval"), [(True, 0.0075), (False, 0.03)])
async def test_a_short_interval_is_a_wish(
    home: Home, honours: bool, interval: float
) -> None:
    """Where the lock agrees it holds as long as the connection."""
    home.link.model.honours_fast_interval = honours
    client = await home.connect()
    await home.radio.shorten_interval(client)
    assert home.link.interval == interval
    home.link.cut()
    await home.connect()
    assert home.link.interval == 0.03
