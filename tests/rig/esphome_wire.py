"""Frames of the ESPHome native API in its plaintext variant.

A frame is ``00 | varint length | varint message type | protobuf``. The messages
themselves are those of aioesphomeapi, the client at the other end.
"""

from collections.abc import Iterator
from typing import Any

from aioesphomeapi import api_pb2
from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

api: Any = api_pb2
"""The protobuf classes of the API; generated, so without types."""

MAX_PAYLOAD = 0xFFFF
"""Bytes; the firmware keeps the length in 16 bits."""

_PREAMBLE = 0x00
_MAX_VARINT_BYTES = 4

_TYPE_NUMBERS: dict[Any, int] = {
    message: number for number, message in MESSAGE_TYPE_TO_PROTO.items()
}


class FrameError(Exception):
    """What came in is not a plaintext frame of the API."""


def encode_varint(value: int) -> bytes:
    """Return a protobuf varint, least significant seven bits first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_frame(message: Any) -> bytes:
    """Return the frame of a message."""
    payload: bytes = message.SerializeToString()
    if len(payload) > MAX_PAYLOAD:
        raise FrameError(f"{type(message).__name__} of {len(payload)} bytes")
    return b"".join(
        (
            bytes((_PREAMBLE,)),
            encode_varint(len(payload)),
            encode_varint(_TYPE_NUMBERS[type(message)]),
            payload,
        )
    )


class FrameDecoder:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        """Start with nothing received."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Any]:
        """Yield the messages that are complete with this data.

        Messages of a type that the API library doesn't know are passed over, as the
        firmware does. Raises ``FrameError``; the stream is lost after it.
        """
        self._buffer += data
        while (frame := self._take_frame()) is not None:
            number, payload = frame
            if (message_class := MESSAGE_TYPE_TO_PROTO.get(number)) is not None:
                try:
                    yield message_class.FromString(payload)
                except DecodeError as err:
                    raise FrameError(
                        f"{message_class.__name__} does not decode"
                    ) from err

    def _take_frame(self) -> tuple[int, bytes] | None:
        """Cut one frame off the buffer; return None while it is incomplete."""
        if not self._buffer:
            return None
        if self._buffer[0] != _PREAMBLE:
            raise FrameError(f"preamble 0x{self._buffer[0]:02x}")
        if (length := self._read_varint(1)) is None:
            return None
        size, position = length
        if size > MAX_PAYLOAD:
            raise FrameError(f"payload of {size} bytes")
        if (number := self._read_varint(position)) is None:
            return None
        message_type, position = number
        if len(self._buffer) < position + size:
            return None
        payload = bytes(self._buffer[position : position + size])
        del self._buffer[: position + size]
        return message_type, payload

    def _read_varint(self, position: int) -> tuple[int, int] | None:
        """Return a varint and the position after it; None while it is incomplete."""
        value = 0
        for count, byte in enumerate(
            self._buffer[position : position + _MAX_VARINT_BYTES]
        ):
            value |= (byte & 0x7F) << (7 * count)
            if not byte & 0x80:
                return value, position + count + 1
        if len(self._buffer) >= position + _MAX_VARINT_BYTES:
            raise FrameError("varint too long")
        return None
