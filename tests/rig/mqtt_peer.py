"""A client of the broker, for what in the rig speaks MQTT beside Home Assistant."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
import json
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

CONNECT_TIMEOUT = 10.0

_QOS = 1


class MqttPeer:
    """One connection to a broker, whose messages arrive in the event loop."""

    def __init__(
        self, *, host: str, port: int, received: Callable[[str, str], None]
    ) -> None:
        """Know the broker; ``received`` gets topic and text of each message."""
        self.address = (host, port)
        """Of the broker."""
        self._received = received
        self._connected: asyncio.Event = asyncio.Event()
        self._subscribed: asyncio.Event = asyncio.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._arrived
        self._client.on_connect = lambda *_: self._call(self._connected.set)
        self._client.on_subscribe = lambda *_: self._call(self._subscribed.set)
        self._loop: asyncio.AbstractEventLoop

    async def open(self, topics: Sequence[str], *, will: tuple[str, str]) -> None:
        """Connect and subscribe; ``will`` is told for it if it vanishes."""
        self._loop = asyncio.get_running_loop()
        self._client.will_set(*will, _QOS, retain=True)
        await asyncio.to_thread(self._client.connect, *self.address)
        self._client.loop_start()
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await self._connected.wait()
            self._client.subscribe([(topic, _QOS) for topic in topics])
            await self._subscribed.wait()

    async def close(self) -> None:
        """Disconnect, after all that was published before."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def publish(self, topic: str, text: str, *, retain: bool = True) -> None:
        """Send a text."""
        self._client.publish(topic, text, _QOS, retain=retain)

    def publish_json(self, topic: str, payload: Any, *, retain: bool = True) -> None:
        """Send JSON."""
        self.publish(topic, json.dumps(payload), retain=retain)

    def _call(self, what: Any, *arguments: object) -> None:
        """Go over from the client's thread; the loop may have been closed by then."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(what, *arguments)

    def _arrived(self, _: Client, __: object, message: MQTTMessage) -> None:
        self._call(self._received, message.topic, message.payload.decode())
