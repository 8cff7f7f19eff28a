"""A server of SMP on the desk: requests in, answers out, no radio between."""

import asyncio
from collections.abc import Callable
import hashlib
import struct
from typing import Any, override

import cbor2
from smp import header as smp_header, image_management as im
from smp.message import Request

from tests.rig.smp_images import SmpImages
from tests.rig.smp_server import SmpHost, SmpServer

from .mcuboot import NEW, Board, image_of

ATT = 244
IMAGE = image_of(NEW)
CHUNK = 1000
_HEADER = struct.Struct(">BBHHBB")
V1 = smp_header.Version.V1


class Desk(SmpHost):
    """A server on the desk; what it notifies is put together again."""

    def __init__(self, **options: Any) -> None:
        """Start the server."""
        images = {
            key: options.pop(key)
            for key in (
                "checks_upload",
                "erases_at_once",
                "erases_pending",
                "legacy_rc",
            )
            if key in options
        }
        self.board = options.pop("board", None) or Board()
        self.images = SmpImages(self.board.seen, **images)
        self.server = SmpServer(self.images, **options)
        self.resets: list[float] = []
        self.dropped = 0
        self.pieces: list[bytes] = []
        self.notified = asyncio.Event()
        self.server.start(self)

    @property
    @override
    def mtu(self) -> int:
        """The MTU."""
        return ATT + 3

    @override
    def notify_smp(self, data: bytes) -> None:
        """Keep a notification."""
        assert len(data) <= ATT
        self.pieces.append(data)
        self.notified.set()

    @override
    def later(self, delay: float, do: Callable[[], None]) -> object:
        """Do something later."""
        return asyncio.get_running_loop().call_later(delay, do)

    @override
    def reset(self) -> None:
        """Note the reset."""
        self.resets.append(asyncio.get_running_loop().time())

    @override
    def drop_central(self) -> None:
        """Note it."""
        self.dropped += 1

    def send(self, data: bytes, *, size: int = ATT) -> None:
        """Write a request in pieces."""
        for start in range(0, len(data), size):
            self.server.receive(data[start : start + size])

    async def frames(self, wait: float = 15.0) -> list[tuple[bytes, Any]]:
        """Return headers and fields of the answers that come within some time."""
        await asyncio.sleep(wait)
        stream = b"".join(self.pieces)
        self.pieces.clear()
        self.notified.clear()
        found = []
        while stream:
            end = _HEADER.size + _HEADER.unpack_from(stream)[2]
            body = stream[_HEADER.size : end]
            assert len(stream) >= end
            found.append((stream[: _HEADER.size], cbor2.loads(body)))
            stream = stream[end:]
        return found

    async def answers(self, wait: float = 15.0) -> list[tuple[smp_header.Header, Any]]:
        """Return the same, with headers as the library understands them."""
        return [
            (smp_header.Header.loads(header), fields)
            for header, fields in await self.frames(wait)
        ]

    async def ask(self, request: Request) -> Any:
        """Send a request and return the fields of its one answer."""
        self.send(request.BYTES)
        ((header, fields),) = await self.answers()
        sent = request.header
        assert header.op == sent.op + 1
        assert (header.group_id, header.command_id, header.sequence) == (
            sent.group_id,
            sent.command_id,
            sent.sequence,
        )
        assert header.version == (sent.version if self.server.version_2 else V1)
        return fields

    async def state(self) -> list[im.ImageState]:
        """Return what it says of its slots."""
        fields = await self.ask(im.ImageStatesReadRequest())
        request = im.ImageStatesReadResponse(
            header=smp_header.Header(
                op=smp_header.OP.READ_RSP,
                version=smp_header.Version.V2,
                flags=smp_header.Flag(0),
                length=len(cbor2.dumps(fields, canonical=True)),
                group_id=1,
                sequence=0,
                command_id=0,
            ),
            smp_data=b"",
            **fields,
        )
        return list(request.images)

    async def upload(self, image: bytes = IMAGE, *, since: int = 0) -> Any:
        """Upload an image; return the last answer."""
        fields: Any = {"off": since}
        while fields["off"] < len(image):
            fields = await self.ask(chunk(fields["off"], image))
        return fields


def chunk(offset: int, image: bytes = IMAGE, **fields: Any) -> Request:
    """Return the request that uploads the next part of an image."""
    first = {"len": len(image), "sha": hashlib.sha256(image).digest(), "image": 0}
    return im.ImageUploadWriteRequest(
        off=offset,
        data=image[offset : offset + CHUNK],
        **{**({} if offset else first), **fields},
    )


def raw(
    operation: int,
    group: int,
    command: int,
    fields: Any,
    *,
    sequence: int = 7,
    version: int = 1,
) -> bytes:
    """Return a request that the library would not make."""
    body = fields if isinstance(fields, bytes) else cbor2.dumps(fields)
    first = operation | version << 3
    return _HEADER.pack(first, 0, len(body), group, sequence, command) + body
