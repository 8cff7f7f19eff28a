"""The proxy answers the API as the firmware does, also to what only bad clients ask."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from aioesphomeapi import BluetoothDeviceRequestType
import pytest

from tests.rig.esphome_wire import FrameDecoder, api, encode_frame
from tests.rig.link import LinkModel
from tests.rig.proxy import HOST, EsphomeProxy, bluetooth_mac
from tests.rig.proxy_air import address_as_int
from tests.rig.proxy_connection import NOT_CONNECTED

from .gadget import ADDRESS, Gadget, Handle

PATIENCE = 5.0
"""Real seconds."""

GADGET = address_as_int(ADDRESS)


class Client:
    """A client that says what it is told to."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Talk over the streams."""
        self._reader = reader
        self.writer = writer
        self._decoder = FrameDecoder()
        self._received: list[Any] = []

    def send(self, *messages: Any) -> None:
        """Send messages."""
        for message in messages:
            self.writer.write(encode_frame(message))

    async def receive(self) -> Any:
        """Return the next message; None when the proxy has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            while not self._received:
                if not (data := await self._reader.read(65536)):
                    return None
                # Advertisements come whenever they come.
                self._received += [
                    message
                    for message in self._decoder.feed(data)
                    if not isinstance(message, api.BluetoothLERawAdvertisementsResponse)
                ]
            return self._received.pop(0)

    async def ask(self, message: Any) -> Any:
        """Send a message and return the answer."""
        self.send(message)
        return await self.receive()

    async def subscribe(self) -> Any:
        """Subscribe to advertisements and return the answer."""
        return await self.ask(api.SubscribeBluetoothLEAdvertisementsRequest(flags=1))


async def connect(proxy: EsphomeProxy) -> Client:
    """Connect to the proxy."""
    return Client(*await asyncio.open_connection(HOST, proxy.port))


@pytest.fixture
async def client(proxy: EsphomeProxy) -> AsyncGenerator[Client]:
    """Connect a client."""
    client = await connect(proxy)
    yield client
    client.writer.close()


def device_request(kind: BluetoothDeviceRequestType) -> Any:
    """Return a request about the gadget."""
    return api.BluetoothDeviceRequest(
        address=GADGET, request_type=kind, has_address_type=True, address_type=1
    )


CONNECT = device_request(BluetoothDeviceRequestType.CONNECT_V3_WITHOUT_CACHE)
DISCONNECT = device_request(BluetoothDeviceRequestType.DISCONNECT)


def slots(free: int, *allocated: int) -> Any:
    """Return the message about the slots."""
    return api.BluetoothConnectionsFreeResponse(free=free, limit=3, allocated=allocated)


def connection(*, connected: bool, mtu: int = 0, error: int = 0) -> Any:
    """Return the message about the connection to the gadget."""
    return api.BluetoothDeviceConnectionResponse(
        address=GADGET, connected=connected, mtu=mtu, error=error
    )


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (api.PingRequest(), api.PingResponse()),
        (api.AuthenticationRequest(), api.AuthenticationResponse()),
        (api.ListEntitiesRequest(), api.ListEntitiesDoneResponse()),
        (api.SubscribeBluetoothConnectionsFreeRequest(), slots(3)),
    ],
)
async def test_answers(client: Client, question: Any, answer: Any) -> None:
    """Simple questions have simple answers."""
    assert await client.ask(question) == answer


async def test_device(client: Client, proxy: EsphomeProxy) -> None:
    """The proxy introduces itself."""
    hello = await client.ask(api.HelloRequest(api_version_major=1))
    assert (hello.name, hello.api_version_major) == (proxy.name, 1)
    info = await client.ask(api.DeviceInfoRequest())
    assert info.name == proxy.name
    assert info.mac_address == proxy.mac
    assert info.bluetooth_mac_address == proxy.bluetooth_mac
    assert info.bluetooth_proxy_feature_flags == 255


async def test_says_goodbye(client: Client) -> None:
    """A client that leaves politely gets its answer, then the connection is closed."""
    assert await client.ask(api.DisconnectRequest()) == api.DisconnectResponse()
    assert await client.receive() is None


async def test_ignores_what_it_does_not_know(client: Client) -> None:
    """A request for something that the proxy isn't has no answer and does no harm."""
    client.send(api.SubscribeStatesRequest(), api.CameraImageRequest(single=True))
    assert await client.ask(api.PingRequest()) == api.PingResponse()


async def test_garbage(client: Client) -> None:
    """Who doesn't speak the API is cut off."""
    client.writer.write(b"\x01\x00\x00")
    assert await client.receive() is None


async def test_one_subscriber(client: Client, proxy: EsphomeProxy) -> None:
    """A second subscriber is left without an answer until the first has gone."""
    assert await client.subscribe() is not None
    second = await connect(proxy)
    second.send(api.SubscribeBluetoothLEAdvertisementsRequest(flags=1))
    assert await second.ask(api.PingRequest()) == api.PingResponse()
    client.send(api.UnsubscribeBluetoothLEAdvertisementsRequest())
    assert await client.ask(api.PingRequest()) == api.PingResponse()
    state = await second.subscribe()
    assert state.state == api.BLUETOOTH_SCANNER_STATE_RUNNING
    second.writer.close()


async def test_who_has_the_services_is_not_told_the_mtu(
    client: Client, proxy: EsphomeProxy
) -> None:
    """It is exchanged all the same."""
    link = proxy.add(Gadget(), LinkModel(mtu=185))
    await client.subscribe()
    client.send(device_request(BluetoothDeviceRequestType.CONNECT_V3_WITH_CACHE))
    assert await client.receive() == slots(2, GADGET)
    assert await client.receive() == connection(connected=True, mtu=23)
    assert link.mtu == 185


async def test_life_of_a_connection(client: Client, proxy: EsphomeProxy) -> None:
    """The slot is taken with the request and is free again after the last word."""
    proxy.add(Gadget(), LinkModel(mtu=185))
    await client.subscribe()
    client.send(CONNECT)
    assert await client.receive() == slots(2, GADGET)
    assert await client.receive() == connection(connected=True, mtu=185)
    # Asking again changes nothing.
    assert await client.ask(CONNECT) == connection(connected=True, mtu=185)
    client.send(DISCONNECT)
    assert await client.receive() == connection(connected=False, error=0x16)
    assert await client.receive() == slots(3)


async def test_giving_up(client: Client, proxy: EsphomeProxy) -> None:
    """An attempt to reach nobody ends when the client says so."""
    await client.subscribe()
    assert await client.ask(CONNECT) == slots(2, GADGET)
    client.send(DISCONNECT)
    assert await client.receive() == connection(connected=False, error=0x100)
    assert await client.receive() == slots(3)


async def test_no_slot(client: Client, proxy: EsphomeProxy) -> None:
    """Without a free slot a connection is refused."""
    proxy.add(Gadget())
    await client.subscribe()
    proxy.occupy(3)
    full = await client.receive()
    assert (full.free, len(full.allocated)) == (0, 3)
    assert await client.ask(CONNECT) == connection(connected=False)


@pytest.mark.parametrize(
    ("request_class", "handle"),
    [
        (api.BluetoothGATTGetServicesRequest, 0),
        (api.BluetoothGATTReadRequest, Handle.FIRMWARE),
        (api.BluetoothGATTReadDescriptorRequest, Handle.ECHO_CCCD),
        (api.BluetoothGATTWriteRequest, Handle.ECHO),
        (api.BluetoothGATTWriteDescriptorRequest, Handle.ECHO_CCCD),
        (api.BluetoothGATTNotifyRequest, Handle.ECHO),
    ],
)
async def test_without_a_connection(
    client: Client, request_class: Any, handle: int
) -> None:
    """GATT requests without a connection are refused."""
    await client.subscribe()
    request = request_class(address=GADGET)
    if handle:
        request.handle = handle
    assert await client.ask(request) == api.BluetoothGATTErrorResponse(
        address=GADGET, handle=handle, error=NOT_CONNECTED
    )


async def test_operations_keep_their_order(client: Client, proxy: EsphomeProxy) -> None:
    """What is asked for in one go is done and answered in this order."""
    gadget = Gadget()
    proxy.add(gadget, LinkModel(connection_interval=0.001))
    await client.subscribe()
    client.send(CONNECT)
    for _ in range(2):
        await client.receive()

    def write(data: bytes, *, response: bool) -> Any:
        return api.BluetoothGATTWriteRequest(
            address=GADGET, handle=Handle.ECHO, data=data, response=response
        )

    client.send(
        write(b"1", response=False),
        write(b"2", response=True),
        api.BluetoothGATTReadRequest(address=GADGET, handle=Handle.FIRMWARE),
        write(b"3", response=False),
        write(b"4", response=True),
    )
    assert [type(await client.receive()) for _ in range(3)] == [
        api.BluetoothGATTWriteResponse,
        api.BluetoothGATTReadResponse,
        api.BluetoothGATTWriteResponse,
    ]
    assert gadget.written == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize(
    ("mac", "bluetooth"),
    [
        ("a0:b7:65:4c:3d:10", "A0:B7:65:4C:3D:12"),
        ("A0:B7:65:4C:3D:FE", "A0:B7:65:4C:3D:00"),
    ],
)
def test_bluetooth_mac(mac: str, bluetooth: str) -> None:
    """The Bluetooth address follows from the network's as on an ESP32."""
    assert bluetooth_mac(mac) == bluetooth
