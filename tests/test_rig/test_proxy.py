"""Home Assistant's own Bluetooth reaches virtual peripherals through the proxy."""

import asyncio
from collections.abc import Callable
from typing import Any

from bleak import BleakClient
from bleak.exc import BleakError
from bleak_esphome.backend.scanner import ESPHomeScanner
import bleak_retry_connector
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection
from habluetooth import get_manager
import pytest

from homeassistant.components import bluetooth
from homeassistant.components.bluetooth import BluetoothScanningMode
from homeassistant.core import HomeAssistant
from tests.rig.faults import Fault, Traffic
from tests.rig.fixtures import ProxiedHome, connected
from tests.rig.gatt import uuid16
from tests.rig.link import LinkModel
from tests.rig.proxy import EsphomeProxy

from .gadget import (
    ADDRESS,
    COMPANY,
    ECHO,
    EXTRA,
    FIRMWARE_REVISION,
    NAME,
    SECRET,
    Gadget,
)

PATIENCE = 5
"""Real seconds; nothing here takes a fifth of them."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something has become true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  Home Assistant has no event for it
            await asyncio.sleep(0.001)


async def hear(hass: HomeAssistant, address: str = ADDRESS) -> None:
    """Wait until Home Assistant has heard a connectable advertisement."""
    await bluetooth.async_process_advertisements(
        hass,
        lambda _: True,
        {"address": address, "connectable": True},
        BluetoothScanningMode.PASSIVE,
        PATIENCE,
    )


async def connect(
    hass: HomeAssistant,
    address: str = ADDRESS,
    disconnected: Callable[[BleakClient], None] | None = None,
    *,
    max_attempts: int = 1,
    use_services_cache: bool = True,
) -> BleakClientWithServiceCache:
    """Connect as integrations do."""
    await hear(hass, address)
    device = bluetooth.async_ble_device_from_address(hass, address, connectable=True)
    assert device is not None
    async with asyncio.timeout(PATIENCE):
        return await establish_connection(
            # Home Assistant puts its own class here when Bluetooth is set up.
            bleak_retry_connector.BleakClientWithServiceCache,
            device,
            NAME,
            disconnected,
            max_attempts=max_attempts,
            use_services_cache=use_services_cache,
        )


def make_client(hass: HomeAssistant, **options: Any) -> BleakClientWithServiceCache:
    """Return a client for one attempt to connect."""
    device = bluetooth.async_ble_device_from_address(hass, ADDRESS, connectable=True)
    assert device is not None
    return bleak_retry_connector.BleakClientWithServiceCache(device, **options)


def slots(home: ProxiedHome) -> tuple[int, list[str]]:
    """Return what Home Assistant thinks is free, and who holds the rest."""
    match get_manager().async_current_allocations(home.proxy.bluetooth_mac):
        case [allocations]:
            return allocations.free, list(allocations.allocated)
    # Nothing is known of a proxy that isn't connected.
    return 0, []


async def test_is_a_connectable_scanner(proxied_home: ProxiedHome) -> None:
    """Home Assistant takes the proxy for its Bluetooth."""
    assert bluetooth.async_scanner_count(proxied_home.hass, connectable=True) == 1
    [scanner] = bluetooth.async_current_scanners(proxied_home.hass)
    assert scanner.source == proxied_home.proxy.bluetooth_mac
    assert slots(proxied_home) == (3, [])


async def test_advertisement(proxied_home: ProxiedHome) -> None:
    """All that a peripheral advertises arrives."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget, rssi=-71)
    await hear(proxied_home.hass)
    info = bluetooth.async_last_service_info(proxied_home.hass, ADDRESS)
    assert info is not None
    assert info.connectable
    assert info.source == proxied_home.proxy.bluetooth_mac
    assert info.rssi == -71
    assert info.name == NAME
    assert info.service_uuids == [uuid16(0xFE59)]
    assert info.manufacturer_data == {COMPANY: b"\x01\x02"}


async def test_signal_strength(proxied_home: ProxiedHome) -> None:
    """How strong a peripheral is received may change."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget, rssi=-71)
    await hear(proxied_home.hass)
    proxied_home.proxy.set_rssi(gadget, -80)

    def rssi() -> int:
        [device] = bluetooth.async_scanner_devices_by_address(
            proxied_home.hass, ADDRESS, connectable=True
        )
        return device.advertisement.rssi

    await until(lambda: rssi() == -80)


async def test_reads(proxied_home: ProxiedHome) -> None:
    """A client discovers the services and reads a value."""
    proxied_home.proxy.add(Gadget())
    client = await connect(proxied_home.hass)
    assert client.is_connected
    assert client.mtu_size == 247
    assert await client.read_gatt_char(FIRMWARE_REVISION) == b"1.2.3"
    assert slots(proxied_home) == (2, [ADDRESS])
    await client.disconnect()
    assert slots(proxied_home) == (3, [])


@pytest.mark.parametrize("response", [True, False])
async def test_writes_and_notifications(
    proxied_home: ProxiedHome, response: bool
) -> None:
    """Writes of both kinds arrive in their order, and so do notifications."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    client = await connect(proxied_home.hass)
    received: asyncio.Queue[bytes] = asyncio.Queue()
    await client.start_notify(ECHO, lambda _, data: received.put_nowait(bytes(data)))
    sent = [bytes((number,)) * 244 for number in range(20)]
    for data in sent:
        await client.write_gatt_char(ECHO, data, response=response)
    async with asyncio.timeout(PATIENCE):
        assert [await received.get() for _ in sent] == sent
    assert gadget.written == sent
    await client.stop_notify(ECHO)
    await client.write_gatt_char(ECHO, b"quiet", response=True)
    assert received.empty()
    await client.disconnect()
    assert gadget.central is None


async def test_peripheral_hangs_up(proxied_home: ProxiedHome) -> None:
    """When the peripheral ends the connection the client hears it at once."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    gone = asyncio.Event()
    client = await connect(proxied_home.hass, disconnected=lambda _: gone.set())
    gadget.hang_up()
    async with asyncio.timeout(PATIENCE):
        await gone.wait()
    assert not client.is_connected
    await until(lambda: slots(proxied_home) == (3, []))


async def test_refusal(proxied_home: ProxiedHome) -> None:
    """What the peripheral refuses is an error with its reason, and the link stays."""
    proxied_home.proxy.add(Gadget())
    client = await connect(proxied_home.hass)
    with pytest.raises(BleakError, match="Insufficient authentication"):
        await client.read_gatt_char(SECRET)
    with pytest.raises(BleakError, match="Write not permitted"):
        await client.write_gatt_char(FIRMWARE_REVISION, b"2", response=True)
    assert client.is_connected
    await client.disconnect()


async def test_pairs(proxied_home: ProxiedHome) -> None:
    """A client can bond, and unpair."""
    proxied_home.proxy.add(Gadget())
    client = await connect(proxied_home.hass)
    with pytest.raises(BleakError, match="Unpairing failed"):
        await client.unpair()
    await client.pair()
    assert await client.read_gatt_char(SECRET) == b"for bonded centrals"
    await client.unpair()
    await client.disconnect()


async def test_connection_interval(proxied_home: ProxiedHome) -> None:
    """A client can ask for a faster link."""
    link = proxied_home.proxy.add(Gadget(), LinkModel(connection_interval=0.015))
    client = await connect(proxied_home.hass)
    await client.set_connection_params(6, 6, 0, 400)
    assert link.interval == 0.0075
    await client.disconnect()


async def test_other_mtu_next_time(proxied_home: ProxiedHome) -> None:
    """The MTU of the next connection may differ; the client hears it after forgetting."""
    proxied_home.proxy.add(Gadget(), LinkModel(mtu=247, mtu_after_reconnect=(23,)))
    client = await connect(proxied_home.hass)
    assert client.mtu_size == 247
    await client.clear_cache()
    await client.disconnect()
    client = await connect(proxied_home.hass, use_services_cache=False)
    assert client.mtu_size == 23
    await client.disconnect()


async def test_all_slots_taken(proxied_home: ProxiedHome) -> None:
    """With every slot in use Home Assistant says so, and later it works again."""
    proxied_home.proxy.add(Gadget())
    proxied_home.proxy.occupy(3)
    await until(lambda: slots(proxied_home)[0] == 0)
    with pytest.raises(BleakError, match="available connection slot"):
        await make_client(proxied_home.hass).connect()
    proxied_home.proxy.occupy(2)
    await until(lambda: slots(proxied_home)[0] == 1)
    client = await connect(proxied_home.hass)
    assert slots(proxied_home)[0] == 0
    await client.disconnect()


async def test_refused_connection(proxied_home: ProxiedHome) -> None:
    """A connection that the peripheral doesn't answer is tried again."""
    link = proxied_home.proxy.add(Gadget())
    link.order(Traffic.CONNECTION, Fault.LOSE)
    client = await connect(proxied_home.hass, max_attempts=2)
    assert client.is_connected
    assert link.counters.connects == 1
    await client.disconnect()


async def test_unanswered_connection(proxied_home: ProxiedHome) -> None:
    """An attempt that hangs is given up by the client, and its slot comes back."""
    proxied_home.proxy.add(Gadget())
    proxied_home.proxy.leave_unanswered(1)
    await hear(proxied_home.hass)
    with pytest.raises(TimeoutError):
        await make_client(proxied_home.hass, timeout=0.05).connect()
    assert slots(proxied_home) == (3, [])
    client = await connect(proxied_home.hass)
    await client.disconnect()


async def test_peripheral_without_power(proxied_home: ProxiedHome) -> None:
    """A connection comes about when the peripheral is back."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    await hear(proxied_home.hass)
    gadget.set_power(on=False)
    connecting = asyncio.create_task(connect(proxied_home.hass))
    await until(lambda: slots(proxied_home)[0] == 2)
    gadget.set_power(on=True)
    client = await connecting
    await client.disconnect()


async def test_services_change_at_one_address(proxied_home: ProxiedHome) -> None:
    """Home Assistant remembers services until a connected client clears the cache."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    client = await connect(proxied_home.hass)
    await client.disconnect()

    gadget.extra_services = (EXTRA,)
    client = await connect(proxied_home.hass, use_services_cache=False)
    assert client.services.get_service(EXTRA.uuid) is None
    await client.clear_cache()
    await client.disconnect()

    client = await connect(proxied_home.hass)
    assert client.services.get_service(EXTRA.uuid) is not None
    await client.disconnect()


async def test_stale_services_in_the_proxy(proxied_home: ProxiedHome) -> None:
    """A proxy may remember services, too; clearing the cache reaches it."""
    gadget = Gadget()
    proxied_home.proxy.remember_services()
    proxied_home.proxy.add(gadget)
    client = await connect(proxied_home.hass)
    await client.disconnect()

    # What a restart of Home Assistant would do: its own memory is empty.
    await proxied_home.hass.config_entries.async_reload(proxied_home.entry.entry_id)
    await until(lambda: slots(proxied_home) == (3, []))
    gadget.extra_services = (EXTRA,)
    client = await connect(proxied_home.hass)
    assert client.services.get_service(EXTRA.uuid) is None
    await client.clear_cache()
    await client.disconnect()

    client = await connect(proxied_home.hass)
    assert client.services.get_service(EXTRA.uuid) is not None
    await client.disconnect()


async def test_proxy_drops_out(proxied_home: ProxiedHome) -> None:
    """When the proxy is lost in the middle of a transfer, so is the connection."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    gone = asyncio.Event()
    client = await connect(proxied_home.hass, disconnected=lambda _: gone.set())
    proxied_home.proxy.drop_at_write(3)
    for number in range(2):
        await client.write_gatt_char(ECHO, bytes((number,)), response=True)
    with pytest.raises(BleakError):
        await client.write_gatt_char(ECHO, b"never arrives", response=True)
    async with asyncio.timeout(PATIENCE):
        await gone.wait()
    assert not client.is_connected
    assert gadget.written == [b"\x00", b"\x01"]
    assert gadget.central is None
    # Home Assistant comes back by itself.
    await until(lambda: slots(proxied_home) == (3, []))
    client = await connect(proxied_home.hass)
    assert await client.read_gatt_char(FIRMWARE_REVISION) == b"1.2.3"
    await client.disconnect()


async def test_proxy_restarts(proxied_home: ProxiedHome) -> None:
    """A proxy that was off comes back at its port, with what it had."""
    proxied_home.proxy.add(Gadget())
    client = await connect(proxied_home.hass)
    await proxied_home.proxy.stop()
    await until(lambda: not client.is_connected)
    assert bluetooth.async_scanner_count(proxied_home.hass, connectable=True) == 0
    await proxied_home.proxy.start()
    await proxied_home.hass.config_entries.async_reload(proxied_home.entry.entry_id)
    await until(lambda: slots(proxied_home) == (3, []))
    client = await connect(proxied_home.hass)
    await client.disconnect()


async def test_home_assistant_goes(proxied_home: ProxiedHome) -> None:
    """When Home Assistant leaves, the proxy lets go of the peripherals."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    await connect(proxied_home.hass)
    assert gadget.central is not None
    await proxied_home.hass.config_entries.async_unload(proxied_home.entry.entry_id)
    await until(lambda: gadget.central is None)


async def test_out_of_reach(proxied_home: ProxiedHome) -> None:
    """A peripheral that is carried away loses its connection."""
    gadget = Gadget()
    proxied_home.proxy.add(gadget)
    client = await connect(proxied_home.hass)
    proxied_home.proxy.remove(gadget)
    await until(lambda: not client.is_connected)
    assert gadget.central is None


async def test_the_better_of_two_proxies(proxied_home: ProxiedHome) -> None:
    """With two proxies the connection goes over the one that hears better."""
    hass = proxied_home.hass
    gadget = Gadget()
    far = proxied_home.proxy.add(gadget, rssi=-90)
    garage = EsphomeProxy("garage-proxy", "A0:B7:65:4C:3D:20")
    await garage.start()
    async with connected(hass, garage):
        near = garage.add(gadget, rssi=-50)
        await until(
            lambda: (
                len(
                    bluetooth.async_scanner_devices_by_address(
                        hass, ADDRESS, connectable=True
                    )
                )
                == 2
            )
        )
        client = await connect(hass)
        assert (far.connected, near.connected) == (False, True)
        await client.disconnect()
    await garage.stop()


@pytest.mark.parametrize(
    ("active", "name"), [(False, ADDRESS), (True, "A gadget with a long name")]
)
async def test_scan_response(
    proxied_home: ProxiedHome, active: bool, name: str
) -> None:
    """What is in the scan response is only heard while the proxy scans actively."""
    gadget = Gadget(name="A gadget with a long name")
    scanner = bluetooth.async_scanner_by_source(
        proxied_home.hass, proxied_home.proxy.bluetooth_mac
    )
    assert isinstance(scanner, ESPHomeScanner)
    if active:
        scanner.async_set_scanning_mode(BluetoothScanningMode.ACTIVE)
        await until(lambda: scanner.current_mode is BluetoothScanningMode.ACTIVE)
    proxied_home.proxy.add(gadget)
    await hear(proxied_home.hass)
    info = bluetooth.async_last_service_info(proxied_home.hass, ADDRESS)
    assert info is not None
    assert info.name == name
