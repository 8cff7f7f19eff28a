"""The proxy speaks the frames of the ESPHome native API."""

from contextlib import suppress
from typing import Any

from hypothesis import given, strategies as st
import pytest

from tests.rig.esphome_wire import (
    MAX_PAYLOAD,
    FrameDecoder,
    FrameError,
    api,
    encode_frame,
    encode_varint,
)


def decode(data: bytes) -> list[Any]:
    """Decode a whole stream."""
    return list(FrameDecoder().feed(data))


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "00"),
        (1, "01"),
        (127, "7f"),
        (128, "80 01"),
        (300, "ac 02"),
        (65535, "ff ff 03"),
    ],
)
def test_varint(value: int, encoded: str) -> None:
    """Varints are those of protobuf."""
    assert encode_varint(value) == bytes.fromhex(encoded)


@pytest.mark.parametrize(
    ("message", "frame"),
    [
        (api.PingRequest(), "00 00 07"),
        (
            api.HelloResponse(api_version_major=1, api_version_minor=14),
            "00 04 02 08 01 10 0e",
        ),
        (
            api.BluetoothDeviceConnectionResponse(address=1, connected=True, mtu=247),
            "00 07 45 08 01 10 01 18 f7 01",
        ),
        # Message types above 127 take two bytes.
        (
            api.BluetoothSetConnectionParamsResponse(address=1),
            "00 02 92 01 08 01",
        ),
    ],
)
def test_frames_on_the_wire(message: Any, frame: str) -> None:
    """A frame is 00, the length, the type and the protobuf."""
    assert encode_frame(message) == bytes.fromhex(frame)
    assert decode(bytes.fromhex(frame)) == [message]


def test_length_of_two_bytes() -> None:
    """A payload of more than 127 bytes takes a length of two bytes."""
    message = api.BluetoothGATTWriteRequest(address=1, handle=2, data=bytes(244))
    frame = encode_frame(message)
    assert frame[:4] == bytes((0x00, 0xFB, 0x01, 0x4B))
    assert decode(frame) == [message]


MESSAGES = st.one_of(
    st.builds(api.PingRequest),
    st.builds(api.HelloRequest, client_info=st.text(max_size=40)),
    st.builds(
        api.BluetoothGATTWriteRequest,
        address=st.integers(0, 2**48 - 1),
        handle=st.integers(0, 0xFFFF),
        response=st.booleans(),
        data=st.binary(max_size=512),
    ),
    st.builds(
        api.BluetoothSetConnectionParamsRequest, address=st.integers(0, 2**48 - 1)
    ),
)


@given(messages=st.lists(MESSAGES, max_size=6), data=st.data())
def test_any_cut_of_the_stream(messages: list[Any], data: st.DataObject) -> None:
    """However TCP cuts the stream, the same messages come out, each once."""
    stream = b"".join(encode_frame(message) for message in messages)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)))))
    decoder = FrameDecoder()
    decoded = [
        message
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for message in decoder.feed(stream[start:end])
    ]
    assert decoded == messages


def test_unknown_message_type() -> None:
    """A message of an unknown type is passed over."""
    assert decode(bytes.fromhex("00 02 ff 7f 08 01") + b"\x00\x00\x07") == [
        api.PingRequest()
    ]


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param("01 00 00", id="encrypted"),
        pytest.param("02 00 07", id="other preamble"),
        pytest.param("00 80 80 04 07", id="65536 bytes"),
        pytest.param("00 ff ff ff ff 01", id="endless length"),
        pytest.param("00 00 ff ff ff ff", id="endless type"),
        pytest.param("00 02 07 ff ff", id="not a protobuf"),
    ],
)
def test_broken_stream(stream: str) -> None:
    """What is no frame is refused."""
    with pytest.raises(FrameError):
        decode(bytes.fromhex(stream))


@given(st.binary())
def test_garbage(stream: bytes) -> None:
    """Garbage is refused or awaited, nothing else happens."""
    with suppress(FrameError):
        decode(stream)


def test_good_messages_before_a_broken_frame() -> None:
    """What came before a broken frame counts."""
    messages = FrameDecoder().feed(b"\x00\x00\x07\x05")
    assert next(messages) == api.PingRequest()
    with pytest.raises(FrameError):
        next(messages)


def test_message_too_long_to_send() -> None:
    """A message that the client would refuse isn't sent."""
    with pytest.raises(FrameError):
        encode_frame(api.BluetoothGATTReadResponse(data=bytes(MAX_PAYLOAD)))
