"""SMP over Bluetooth LE: bringing an image into the second slot of a lock.

Requests are as large as the server's buffers, and several are under way. Each answer
tells how much of the image the server has; where that is not what was sent, it goes on
from there. The first request of a connection bears the digest of the file, by which the
server knows an upload that was broken off.
"""

import asyncio
from dataclasses import dataclass
import hashlib
from typing import Any

from cbor2 import dumps

from ..errors import TransportError, TransportProblem
from ..firmware.verify import VerifiedArtifact
from .base import ProgressCallback
from .sending import Sending
from .smp_flow import RequestFlow
from .smp_link import SmpLink
from .smp_protocol import (
    HEADER_SIZE,
    UPLOAD,
    Answer,
    SmpError,
    parse_offset,
    read_answer,
)

# Deadlines follow what an answer takes; these are their bounds, in seconds. Erasing a
# large page of flash takes a second or two.
SHORTEST_TIMEOUT = 2.0
LONGEST_TIMEOUT = 15.0
# The first request may erase the whole slot, and asking again does no harm. So it is not
# waited for so long before it may simply have got lost.
ERASE_TIMEOUT = 40.0
# So often it is gone back without a byte of progress.
FRUITLESS_ATTEMPTS = 8
_FIRST_ATTEMPTS = 3
PAUSE = 0.5

# A server wants to see the header of the image in the first request.
_LEAST_DATA = 32
# A flash that takes only whole blocks has none larger than these.
_MAX_BLOCK = 64


class _BrokenOffError(Exception):
    """It is not known where the server is, or whether it understands what comes."""

    def __init__(self, cause: SmpError | None = None) -> None:
        """Keep what the server said, if it did."""
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class _Request:
    """A request under way."""

    start: int
    end: int
    size: int
    sent: float
    """Loop time, in seconds."""


class Upload(Sending):
    """Brings one image across, over as many connections as it takes."""

    def __init__(self, artifact: VerifiedArtifact, progress: ProgressCallback) -> None:
        """Prepare to send; ``run`` does it."""
        super().__init__()
        self._image = artifact.firmware
        self._digest = hashlib.sha256(artifact.firmware).digest()
        self._progress = progress
        self._flow = RequestFlow()
        self._link: SmpLink
        self._block = 1
        self._round_trip = 0.0
        self._fruitless = 0
        self._furthest_sent = 0
        self._under_way: dict[int, _Request] = {}
        self._largest = 0

    async def run(self, link: SmpLink, *, seems_there: bool = False) -> None:
        """Send what is missing; return when the server has everything.

        ``seems_there`` is whether the lock shows the image in its slot. Only the server
        can tell whether that is all of it: if the power went while the end was written,
        the hash may stand there already. One that can tell says so at once.

        Raises ``TransportError``. May be called again with another connection, also
        after the lock has restarted: it goes on where the server is.
        """
        with self.over_one_connection():
            await self._run(link, seems_there=seems_there)

    async def _run(self, link: SmpLink, *, seems_there: bool) -> None:
        self._link = link
        self._flow.connected(link.max_packet, await link.parameters())
        while True:
            try:
                await self._stream(await self._begin(small=seems_there))
            except _BrokenOffError as err:
                await self._recover(err)
                # If the last answer is what got lost, the server has forgotten an upload
                # that is done, and compares what is there with what it is told again.
                # That the lock shows the image proves nothing: its hash stands before its
                # end.
                seems_there |= self._furthest_sent == len(self._image)
            except SmpError as err:
                raise err.as_transport_error() from err
            else:
                break
        self._confirm(len(self._image))

    async def _recover(self, broken: _BrokenOffError) -> None:
        """Prepare for another attempt; raise ``TransportError`` where none makes sense."""
        in_one_write = self._largest <= self._link.max_packet
        self._flow.lost(self._largest)
        self._went_back(broken.cause)
        if not in_one_write:
            # The server may wait for the rest of a request, and take what comes next for
            # it. Only a new connection makes it forget.
            raise TransportError(TransportProblem.NO_ANSWER, step=UPLOAD.name)
        self._flow.fell_silent()
        if broken.cause is not None:
            await asyncio.sleep(PAUSE)

    def _went_back(self, cause: SmpError | None = None) -> None:
        """Count an attempt without progress; raise ``TransportError`` after too many."""
        self._fruitless += 1
        # Where nothing has come yet, another connection may carry more.
        first = not self.deaf and not self.confirmed and cause is None
        if self._fruitless == (_FIRST_ATTEMPTS if first else FRUITLESS_ATTEMPTS):
            self._fruitless = 0
            if cause is not None:
                raise cause.as_transport_error()
            raise TransportError(TransportProblem.LOSSY_LINK)

    def _confirm(self, offset: int) -> None:
        if offset > self.confirmed:
            self.confirmed = offset
            self._fruitless = 0
            self._progress(100 * offset / len(self._image))

    async def _begin(self, *, small: bool) -> int:
        """Begin, or go on with, the upload; return how much of it the server has."""
        self._link.forget_answers()
        self._under_way.clear()
        about = {"image": 0, "len": len(self._image), "sha": self._digest}
        limit = self._flow.first_request_size
        if small:
            limit = self._flow.size_of_one_write
        sequence, _ = await self._send(0, limit, about)
        patient = self._fruitless and not self.confirmed
        timeout = ERASE_TIMEOUT if patient else LONGEST_TIMEOUT
        answer = await self._link.receive(UPLOAD, timeout, {sequence})
        if answer is not None:
            offset = self._read(answer)
            self._confirm(offset)
            if offset:
                return offset
        # Nothing has come, or nothing was taken.
        raise _BrokenOffError

    async def _send(
        self, start: int, limit: int, about: dict[str, Any] | None = None
    ) -> tuple[int, _Request]:
        """Send a request of at most ``limit`` bytes; return its number and what it is.

        The data stand before everything else: if a write in the middle gets lost, what
        the server puts together does not end as a request does, and is refused, in place
        of being written to the flash.
        """
        rest = {**(about or {}), "off": start}
        room = limit - HEADER_SIZE - len(dumps({"data": b"", **rest}))
        room -= 1 if room <= 256 else 2  # the length of the data, beyond one byte
        end = min(start + max(room, _LEAST_DATA), len(self._image))
        if end < len(self._image):
            end -= end % self._block
        body = {"data": self._image[start:end], **rest}
        now = asyncio.get_running_loop().time()
        sequence, size = await self._link.send(UPLOAD, body)
        self._largest = max(
            size, *(request.size for request in self._under_way.values()), 0
        )
        self.bytes_sent_again += max(0, min(end, self._furthest_sent) - start)
        self._furthest_sent = max(self._furthest_sent, end)
        return sequence, _Request(start, end, size, now)

    def _read(self, answer: Answer) -> int:
        """Return the offset in an answer."""
        try:
            body = read_answer(UPLOAD, answer.payload)
        except SmpError as err:
            if err.passing:
                raise _BrokenOffError(err) from err
            raise
        if body.get("match") is False:
            # All is there, and is not what was sent.
            raise TransportError(
                TransportProblem.REJECTED_HASH, operation=UPLOAD.name, code="match"
            )
        return parse_offset(body, len(self._image))

    async def _stream(self, position: int) -> None:
        """Send everything from ``position`` on, several requests at a time."""
        under_way = self._under_way
        following = position
        going_back = False
        while position < len(self._image):
            if going_back and not under_way:
                following, going_back = position, False
            while (
                not going_back
                and following < len(self._image)
                and len(under_way) < self._flow.window
            ):
                sequence, request = await self._send(following, self._flow.request_size)
                under_way[sequence] = request
                following = request.end
            request, offset = await self._next_answer()
            if offset < position:
                # It has forgotten the upload: restarted, or done with it.
                raise _BrokenOffError
            if offset != request.end and not going_back:
                going_back = True
                self._note_difference(request, offset)
            position = offset
            self._confirm(offset)

    async def _next_answer(self) -> tuple[_Request, int]:
        """Return what was answered, and with which offset.

        The server answers in order: those before it will not be answered any more.
        """
        timeout = min(max(8 * self._round_trip, SHORTEST_TIMEOUT), LONGEST_TIMEOUT)
        if not self._round_trip:
            timeout = LONGEST_TIMEOUT
        answer = await self._link.receive(UPLOAD, timeout, self._under_way)
        if answer is None:
            raise _BrokenOffError
        for sequence in list(self._under_way):
            request = self._under_way.pop(sequence)
            if sequence == answer.sequence:
                break
        offset = self._read(answer)
        if offset == request.end:
            self._flow.delivered(request.size)
        taken = asyncio.get_running_loop().time() - request.sent
        self._round_trip = max(taken, 0.9 * self._round_trip)
        return request, offset

    def _note_difference(self, request: _Request, offset: int) -> None:
        """Learn from a server that is elsewhere than the request has left it."""
        if request.start < offset < request.end:
            # It takes whole blocks of its flash only, and was given half a one.
            self._block = min(max(self._block, offset & -offset), _MAX_BLOCK)
            return
        self._flow.lost(request.size)
        self._went_back()
