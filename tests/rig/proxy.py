"""A Bluetooth proxy in software: what ESPHome's firmware is to Home Assistant.

It speaks the ESPHome native API, plaintext, on loopback. Home Assistant's unmodified
``esphome`` integration uses it as a connectable scanner, so a virtual lock is reached
through the same code as a real one.
"""

import asyncio
from typing import Any

from aioesphomeapi import BluetoothDeviceRequestType, BluetoothProxyFeature

from .esphome_wire import api
from .gatt import Peripheral, Service
from .link import Link, LinkModel
from .proxy_air import Air, address_as_int
from .proxy_connection import NOT_CONNECTED, ProxyConnection
from .proxy_session import ApiSession, Handler

HOST = "127.0.0.1"

API_VERSION = (1, 14)
"""The newest version of the API whose messages are all answered here."""
ESPHOME_VERSION = "2026.11.0"
PROJECT = ("esphome.bluetooth-proxy", "26.11.0")

FEATURES = (
    BluetoothProxyFeature.PASSIVE_SCAN
    | BluetoothProxyFeature.ACTIVE_CONNECTIONS
    | BluetoothProxyFeature.REMOTE_CACHING
    | BluetoothProxyFeature.PAIRING
    | BluetoothProxyFeature.CACHE_CLEARING
    | BluetoothProxyFeature.RAW_ADVERTISEMENTS
    | BluetoothProxyFeature.FEATURE_STATE_AND_MODE
    | BluetoothProxyFeature.CONNECTION_PARAMS_SETTING
)

_FOREIGN_ADDRESS = 0x5E0000000000


def bluetooth_mac(mac: str) -> str:
    """Return the Bluetooth address of an ESP32: its network's, with 2 added at the end."""
    octets = bytearray(address_as_int(mac).to_bytes(6))
    octets[-1] = (octets[-1] + 2) & 0xFF
    return ":".join(f"{octet:02X}" for octet in octets)


class EsphomeProxy:
    """An ESPHome Bluetooth proxy.

    Like the firmware it serves one subscriber of advertisements at a time, has a fixed
    number of connection slots, and ends all connections when its subscriber goes.
    """

    def __init__(self, name: str, mac: str, *, port: int = 0, slots: int = 3) -> None:
        """Describe the proxy; ``port`` 0 takes a free one at the first start."""
        self.name = name
        self.mac = mac.upper()
        self.bluetooth_mac = bluetooth_mac(mac)
        """What Home Assistant knows the scanner by."""
        self.port = port
        self.slots = slots
        self._server: asyncio.Server | None = None
        self._sessions: set[ApiSession] = set()
        self._subscriber: ApiSession | None = None
        self._air = Air()
        self._connections: dict[int, ProxyConnection] = {}
        self._bonds: set[int] = set()
        self._foreign: list[int] = []
        self._unanswered_connects = 0
        self._writes_until_drop: int | None = None
        self._remembered: dict[int, tuple[Service, ...]] | None = None
        self._handlers: dict[Any, Handler] = {
            api.HelloRequest: self._hello,
            api.AuthenticationRequest: self._authenticate,
            api.DisconnectRequest: self._disconnect,
            api.PingRequest: self._ping,
            api.DeviceInfoRequest: self._device_info,
            api.ListEntitiesRequest: self._list_entities,
            api.SubscribeBluetoothConnectionsFreeRequest: self._subscribe_slots,
            api.SubscribeBluetoothLEAdvertisementsRequest: self._subscribe,
            api.UnsubscribeBluetoothLEAdvertisementsRequest: self._unsubscribe,
            api.BluetoothScannerSetModeRequest: self._set_mode,
            api.BluetoothDeviceRequest: self._device_request,
            api.BluetoothGATTGetServicesRequest: self._get_services,
            api.BluetoothGATTReadRequest: self._read,
            api.BluetoothGATTReadDescriptorRequest: self._read,
            api.BluetoothGATTWriteRequest: self._write,
            api.BluetoothGATTWriteDescriptorRequest: self._write_descriptor,
            api.BluetoothGATTNotifyRequest: self._notify,
            api.BluetoothSetConnectionParamsRequest: self._set_connection_params,
        }

    async def start(self) -> None:
        """Listen for Home Assistant."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ApiSession(
                self._handlers, self._sessions.add, self._session_closed
            ),
            HOST,
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Lose power: everything that is connected is dropped. May be started again."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            self.drop()
            await server.wait_closed()

    # The neighbourhood.

    @property
    def neighbours(self) -> list[Peripheral]:
        """Who is within reach."""
        return self._air.peripherals

    def add(
        self,
        peripheral: Peripheral,
        link_model: LinkModel | None = None,
        *,
        rssi: int = -60,
        seed: int = 0,
    ) -> Link:
        """Bring a peripheral within reach and return the link to it."""
        link = Link(peripheral, link_model, seed=seed, name=self.name)
        self._air.add(peripheral, link, rssi)
        return link

    def remove(self, peripheral: Peripheral) -> None:
        """Take a peripheral out of reach."""
        self._air.remove(peripheral)

    def set_rssi(self, peripheral: Peripheral, rssi: int) -> None:
        """Set how strong, in dBm, the proxy receives a peripheral."""
        self._air.set_rssi(peripheral, rssi)

    # What goes wrong.

    def occupy(self, slots: int) -> None:
        """Let other devices of the house hold this many connection slots."""
        self._foreign = [_FOREIGN_ADDRESS + number for number in range(slots)]
        self._send_slots()

    def leave_unanswered(self, connects: int) -> None:
        """Let the next attempts to connect hang until they are given up."""
        self._unanswered_connects = connects

    def remember_services(self) -> None:
        """Discover the services of an address once, until the cache is cleared."""
        self._remembered = {}

    def drop(self) -> None:
        """Drop the API connections at once; Home Assistant may come again."""
        for session in self._sessions:
            session.abort()

    def drop_at_write(self, number: int) -> None:
        """Drop the API connections instead of making the write with this number."""
        self._writes_until_drop = number

    # The API: the device.

    def _hello(self, session: ApiSession, message: Any) -> None:
        major, minor = API_VERSION
        session.send(
            api.HelloResponse(
                api_version_major=major,
                api_version_minor=minor,
                server_info=f"{self.name} (esphome v{ESPHOME_VERSION})",
                name=self.name,
            )
        )

    def _authenticate(self, session: ApiSession, message: Any) -> None:
        session.send(api.AuthenticationResponse())

    def _disconnect(self, session: ApiSession, message: Any) -> None:
        session.send(api.DisconnectResponse())
        session.close()

    def _ping(self, session: ApiSession, message: Any) -> None:
        session.send(api.PingResponse())

    def _device_info(self, session: ApiSession, message: Any) -> None:
        project, project_version = PROJECT
        session.send(
            api.DeviceInfoResponse(
                name=self.name,
                friendly_name=self.name.replace("-", " ").capitalize(),
                mac_address=self.mac,
                bluetooth_mac_address=self.bluetooth_mac,
                esphome_version=ESPHOME_VERSION,
                compilation_time="2026-11-01 00:00:00 +0000",
                model="esp32dev",
                manufacturer="Espressif",
                project_name=project,
                project_version=project_version,
                bluetooth_proxy_feature_flags=FEATURES,
            )
        )

    def _list_entities(self, session: ApiSession, message: Any) -> None:
        session.send(api.ListEntitiesDoneResponse())

    # The API: scanning.

    def _subscribe_slots(self, session: ApiSession, message: Any) -> None:
        session.send(self._slots_message())

    def _subscribe(self, session: ApiSession, message: Any) -> None:
        if self._subscriber not in {None, session}:
            # The firmware says nothing to a second subscriber either.
            return
        self._subscriber = session
        self._send_scanner_state()
        self._air.listen(session.send)

    def _unsubscribe(self, session: ApiSession, message: Any) -> None:
        if session is self._subscriber:
            self._lose_subscriber()

    def _set_mode(self, session: ApiSession, message: Any) -> None:
        self._air.active = message.mode == api.BLUETOOTH_SCANNER_MODE_ACTIVE
        self._send_scanner_state()

    def _send_scanner_state(self) -> None:
        self._send(
            api.BluetoothScannerStateResponse(
                state=api.BLUETOOTH_SCANNER_STATE_RUNNING,
                mode=api.BLUETOOTH_SCANNER_MODE_ACTIVE
                if self._air.active
                else api.BLUETOOTH_SCANNER_MODE_PASSIVE,
                configured_mode=api.BLUETOOTH_SCANNER_MODE_ACTIVE,
            )
        )

    def _session_closed(self, session: ApiSession) -> None:
        self._sessions.discard(session)
        if session is self._subscriber:
            self._lose_subscriber()

    def _lose_subscriber(self) -> None:
        self._subscriber = None
        self._air.stop_listening()
        for connection in list(self._connections.values()):
            connection.close()

    def _send(self, message: Any) -> None:
        """Send to the subscriber, if there is one."""
        if self._subscriber is not None:
            self._subscriber.send(message)

    # The API: connections.

    def _slots_message(self) -> Any:
        allocated = [*self._connections, *self._foreign]
        return api.BluetoothConnectionsFreeResponse(
            free=self.slots - len(allocated), limit=self.slots, allocated=allocated
        )

    def _send_slots(self) -> None:
        self._send(self._slots_message())

    def _device_request(self, session: ApiSession, message: Any) -> None:
        address = message.address
        match BluetoothDeviceRequestType(message.request_type):
            case BluetoothDeviceRequestType.CONNECT_V3_WITH_CACHE:
                # As the firmware of 2026.10: who has the services hears at once that
                # there is a connection, and never what is exchanged on it.
                self._connect(address, tells_mtu=False)
            case BluetoothDeviceRequestType.CONNECT_V3_WITHOUT_CACHE:
                self._connect(address, tells_mtu=True)
            case BluetoothDeviceRequestType.DISCONNECT:
                self._close(address)
            case BluetoothDeviceRequestType.PAIR:
                if connection := self._connection_for(message):
                    connection.pair(self._bonds)
            case BluetoothDeviceRequestType.UNPAIR:
                self._send(
                    api.BluetoothDeviceUnpairingResponse(
                        address=address, success=address in self._bonds
                    )
                )
                self._bonds.discard(address)
            case BluetoothDeviceRequestType.CLEAR_CACHE:
                if self._remembered is not None:
                    self._remembered.pop(address, None)
                self._send(
                    api.BluetoothDeviceClearCacheResponse(address=address, success=True)
                )

    def _connect(self, address: int, *, tells_mtu: bool) -> None:
        """Take a slot and try to reach the address."""
        if connection := self._connections.get(address):
            connection.report_state()
            return
        if len(self._connections) + len(self._foreign) >= self.slots:
            self._send(
                api.BluetoothDeviceConnectionResponse(address=address, connected=False)
            )
            self._send_slots()
            return
        connection = ProxyConnection(
            address,
            send=self._send,
            released=self._released,
            services=self._remembered,
            tells_mtu=tells_mtu,
        )
        self._connections[address] = connection
        self._send_slots()
        connection.open(self._reach(address))

    async def _reach(self, address: int) -> Link:
        """Wait for the peripheral with the address."""
        if self._unanswered_connects:
            self._unanswered_connects -= 1
            await asyncio.Event().wait()
        return await self._air.reach(address)

    def _close(self, address: int) -> None:
        if connection := self._connections.get(address):
            connection.close()
        else:
            self._send(
                api.BluetoothDeviceConnectionResponse(address=address, connected=False)
            )
            self._send_slots()

    def _released(self, connection: ProxyConnection) -> None:
        # The client compares its connections with the allocated addresses, so this
        # comes after the message that the connection has ended.
        del self._connections[connection.address]
        self._send_slots()

    # The API: GATT.

    def _connection_for(self, message: Any) -> ProxyConnection | None:
        """Return the connection that a request is for, or send that there is none."""
        connection = self._connections.get(message.address)
        if connection is None:
            self._send(
                api.BluetoothGATTErrorResponse(
                    address=message.address,
                    handle=getattr(message, "handle", 0),
                    error=NOT_CONNECTED,
                )
            )
        return connection

    def _get_services(self, session: ApiSession, message: Any) -> None:
        if connection := self._connection_for(message):
            connection.discover()

    def _read(self, session: ApiSession, message: Any) -> None:
        if connection := self._connection_for(message):
            connection.read(message.handle)

    def _write(self, session: ApiSession, message: Any) -> None:
        if self._writes_until_drop is not None:
            self._writes_until_drop -= 1
            if not self._writes_until_drop:
                self._writes_until_drop = None
                self.drop()
                return
        if connection := self._connection_for(message):
            if message.response:
                connection.write(message.handle, message.data)
            else:
                connection.write_without_response(message.handle, message.data)

    def _write_descriptor(self, session: ApiSession, message: Any) -> None:
        if connection := self._connection_for(message):
            connection.write(message.handle, message.data)

    def _notify(self, session: ApiSession, message: Any) -> None:
        if connection := self._connection_for(message):
            connection.set_notify(message.handle, enable=message.enable)

    def _set_connection_params(self, session: ApiSession, message: Any) -> None:
        if connection := self._connection_for(message):
            connection.set_interval(message.min_interval)
            self._send(
                api.BluetoothSetConnectionParamsResponse(address=message.address)
            )
