"""One client of the ESPHome native API, on the server's side."""

import asyncio
from collections.abc import Callable, Mapping
import logging
from typing import Any, override

from .esphome_wire import FrameDecoder, FrameError, encode_frame

_LOGGER = logging.getLogger(__name__)

type Handler = Callable[[ApiSession, Any], None]


class ApiSession(asyncio.Protocol):
    """Turns a TCP connection into messages and back."""

    def __init__(
        self,
        handlers: Mapping[Any, Handler],
        opened: Callable[[ApiSession], None],
        closed: Callable[[ApiSession], None],
    ) -> None:
        """Know who handles which class of message."""
        self._handlers = handlers
        self._opened = opened
        self._closed = closed
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._opened(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._closed(self)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                if self._transport.is_closing():
                    return
                if (handler := self._handlers.get(type(message))) is None:
                    _LOGGER.debug("Ignoring %s", type(message).__name__)
                else:
                    handler(self, message)
        except FrameError as err:
            _LOGGER.warning("Closing the connection: %s", err)
            self.abort()

    def send(self, message: Any) -> None:
        """Send a message; once the connection is going down it is dropped."""
        if not self._transport.is_closing():
            self._transport.write(encode_frame(message))

    def close(self) -> None:
        """Close the connection after what has been sent."""
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once, as a loss of power or of the network does."""
        self._transport.abort()
