"""SMP over UDP to a lock that speaks it over Bluetooth: clients find it at port 1337."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
import os
import struct
from typing import Any, override

from bleak.exc import BleakError

from custom_components.nightlatch.core.errors import TransportError
from custom_components.nightlatch.core.transports.base import GattClient, longest_write
from tests.rig.lock_services import SMP_CHARACTERISTIC
from tests.rig.radio import RigRadio

PORT = 1337
"""Which smpmgr lets nobody choose; so each bridge has a loopback address of its own."""
FIND_TIMEOUT = 15.0

_HEADER = struct.Struct(">BBHHBB")
_numbers = count(1)


class SmpBridge(asyncio.DatagramProtocol):
    """Carries each datagram to the lock as a request, and each answer back as one."""

    def __init__(self, radio: RigRadio, address: str) -> None:
        """Know the lock."""
        self.requests = 0
        self._radio = radio
        self._address = address
        self._client: GattClient | None = None
        self._asked: asyncio.Queue[tuple[bytes, Any]] = asyncio.Queue()
        self._peer: Any = None
        self._partial = bytearray()
        self._transport: asyncio.DatagramTransport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._asked.put_nowait((data, addr))

    async def carry(self) -> None:
        """Carry requests as long as it is let."""
        while True:
            data, self._peer = await self._asked.get()
            self.requests += 1
            try:
                client = await self._connected()
                size = longest_write(client, SMP_CHARACTERISTIC)
                for start in range(0, len(data), size):
                    await client.write_gatt_char(
                        SMP_CHARACTERISTIC, data[start : start + size], response=False
                    )
            except BleakError, TransportError, TimeoutError:
                # A datagram that does not arrive is lost, as datagrams are.
                self._gone()

    async def _connected(self) -> GattClient:
        if self._client is None:
            await self._radio.find(
                lambda found: found.address == self._address, FIND_TIMEOUT
            )
            client = await self._radio.connect(
                self._address,
                name="judge",
                disconnected=self._gone,
                fresh_services=True,
            )
            await client.start_notify(SMP_CHARACTERISTIC, self._notified)
            self._client = client
        return self._client

    def _gone(self) -> None:
        self._client = None
        self._partial.clear()

    def _notified(self, _: Any, data: bytearray) -> None:
        self._partial += data
        if len(self._partial) < _HEADER.size:
            return
        whole = _HEADER.size + _HEADER.unpack_from(self._partial)[2]
        if len(self._partial) >= whole:
            self._transport.sendto(bytes(self._partial), self._peer)
            self._partial.clear()


@asynccontextmanager
async def smp_bridge(
    radio: RigRadio, address: str
) -> AsyncGenerator[tuple[str, SmpBridge]]:
    """Run a bridge to a lock; give the IP address that it is at."""
    process = os.getpid() % 0xFF00
    host = f"127.{1 + process // 256 % 250}.{process % 256}.{next(_numbers) % 250 + 1}"
    bridge = SmpBridge(radio, address)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: bridge, local_addr=(host, PORT)
    )
    carrying = asyncio.create_task(bridge.carry())
    try:
        yield host, bridge
    finally:
        carrying.cancel()
        await asyncio.wait([carrying])
        transport.close()
