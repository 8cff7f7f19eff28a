"""Nordic Secure DFU over Bluetooth LE: bringing init packet and firmware across.

The sequence is the shortest that the protocol allows: one CREATE and one EXECUTE an
object, the receipt of the last packet in place of a checksum request, which is not even
waited for where the lock can do without (``nordic_pace``). SELECT, which
tells offset and checksum too, is asked where something was lost: unlike a checksum its
answer cannot be taken for a late receipt, and it waits behind all packets under way.
"""

import asyncio
from itertools import accumulate
from zlib import crc32

from ..errors import TransportError, TransportProblem
from ..firmware.verify import VerifiedArtifact
from ..model import Manner
from .base import AboutToActivate, AboutToTouch, ProgressCallback, nobody_waits
from .nordic_flow import Burst, PacketFlow
from .nordic_link import EXECUTE_TIMEOUT, BootloaderLink
from .nordic_pace import Pace
from .nordic_protocol import (
    WORD,
    BootloaderError,
    ExtendedError,
    NordicResult,
    ObjectSelection,
    ObjectType,
    Receipt,
    create,
    execute,
    parse_selection,
    select,
    set_receipt,
)
from .sending import Sending

# So often an object is tried without a byte of progress.
_FRUITLESS_ATTEMPTS = 8
_BUSY_PAUSE = 0.2
# So often it is begun anew with the init packet on one connection.
_MOST_BEGINNINGS = 4
# How long after the lock has EXECUTE its answer may take, in seconds, where it is sent
# ahead: it had answered at once before.
_PATIENCE = 1.0
# A bootloader that has refused an image notes that, which takes its flash a moment.
_RESTARTS_WITHIN = 3.0
# The slowest flash, in seconds a word: an nRF52832 at its worst takes 338 µs.
_SLOWEST_WORD = 400e-6
# Deadlines for receipts follow the round trip; these are their bounds, in seconds.
_SHORTEST_RECEIPT_TIMEOUT = 0.05
_LONGEST_RECEIPT_TIMEOUT = 10.0


class _AstrayError(Exception):
    """What the bootloader has of the image is no good, and it lets it go for nothing.

    Nothing but another init packet makes it forget.
    """

    def __init__(self, cause: BootloaderError | None = None) -> None:
        """Keep what the bootloader said, if it did."""
        super().__init__(cause)
        self.cause = cause


class Sender(Sending):
    """Brings one artifact across, over as many connections as it takes."""

    def __init__(
        self,
        artifact: VerifiedArtifact,
        progress: ProgressCallback,
        about_to_activate: AboutToActivate = nobody_waits,
        about_to_touch: AboutToTouch = nobody_waits,
        pace: Pace | None = None,
    ) -> None:
        """Prepare to send; ``run`` does it."""
        super().__init__()
        self.about_to_touch = about_to_touch
        self._init_packet = artifact.init_packet
        self._image = artifact.firmware
        self._progress = progress
        self._about_to_activate = about_to_activate
        self._pace = pace or Pace()
        self._link: BootloaderLink
        self._flow: PacketFlow
        self._receipt_every = 0
        self._receipted = 0
        self._packet_time = 0.0
        self._created = 0.0
        self._may_be_executed = False
        self._furthest_sent = 0

    async def run(self, link: BootloaderLink) -> None:
        """Send what is missing; return when the bootloader has taken everything.

        Raises ``TransportError``. May be called again with another connection, also
        after the bootloader has restarted: it goes on where the bootloader is.
        """
        with self.over_one_connection():
            await self._run(link)

    async def _run(self, link: BootloaderLink) -> None:
        self._link = link
        self._receipt_every = 0
        try:
            await self._send_init_packet()
        except BootloaderError as err:
            raise err.as_transport_error(ObjectType.COMMAND) from err
        try:
            await self._send_image()
        except BootloaderError as err:
            raise err.as_transport_error(ObjectType.DATA) from err

    async def _select(self, object_type: ObjectType) -> ObjectSelection:
        return parse_selection(await self._link.request(select(object_type)))

    async def _send_init_packet(self) -> None:
        """Send the init packet, unless the bootloader has kept it."""
        data = self._init_packet
        selection = await self._select(ObjectType.COMMAND)
        await self.about_to_touch()
        if selection.offset == len(data) and _holds(data, selection):
            # Executing it again keeps what has been sent of the firmware.
            await self._execute()
        else:
            await self._send_init_packet_anew()

    async def _send_init_packet_anew(self) -> None:
        """Send the init packet; the bootloader forgets what it has of any firmware."""
        data = self._init_packet
        size = self._link.max_packet
        await self._link.request(create(ObjectType.COMMAND, len(data)))
        for start in range(0, len(data), size):
            await self._link.send_packet(data[start : start + size])
        try:
            # No checksum is asked for: the signature covers every byte, and an
            # incomplete init packet is refused as what it is.
            await self._execute()
        except BootloaderError as err:
            if err.result != NordicResult.NOT_PERMITTED:
                raise
            await self._send_init_packet_piecemeal()
            await self._execute()

    async def _send_init_packet_piecemeal(self) -> None:
        """Send the init packet over a lossy link: after each packet ask for it."""
        data = self._init_packet
        await self._link.request(create(ObjectType.COMMAND, len(data)))
        position = fruitless = 0
        while position < len(data):
            end = position + self._link.max_packet
            await self._link.send_packet(data[position:end])
            selection = await self._select(ObjectType.COMMAND)
            if selection.offset > position and _holds(data, selection):
                position = selection.offset
                fruitless = 0
            else:
                fruitless = self._fruitless(fruitless)

    async def _execute(self) -> None:
        await self._link.request(execute(), timeout=EXECUTE_TIMEOUT)

    async def _send_image(self) -> None:
        """Send what is missing of the image, from its beginning if it must be."""
        for _ in range(_MOST_BEGINNINGS):
            try:
                await self._send_objects()
            except _AstrayError as err:
                cause = err.cause
                await self._send_init_packet_anew()
            else:
                return
        raise cause or TransportError(TransportProblem.LOSSY_LINK)

    async def _send_objects(self) -> None:
        selection = await self._select(ObjectType.DATA)
        # It answers, so it has not restarted.
        self.activating = False
        self._receipt_every = 0
        self._flow = PacketFlow(
            max_object=selection.max_size,
            max_packet=self._link.max_packet,
            one_at_a_time=self._pace.one_at_a_time,
        )
        self._packet_time = self._link.round_trip / 4
        start, position = await self._resume(selection)
        while start < len(self._image):
            end = min(start + selection.max_size, len(self._image))
            executed = await self._send_object(start, position, end)
            if end == len(self._image):
                await self._finish(was_whole=position == end)
            elif not executed:
                await self._execute()
                self._pace.waited(self._link.taken, self._link.round_trip)
            start = position = end

    async def _finish(self, *, was_whole: bool) -> None:
        """Execute the last object; raise ``_AstrayError`` where going on may help.

        ``was_whole`` tells that nothing of it was sent over this connection.
        """
        await self._about_to_activate()
        self.activating = True
        try:
            await self._execute()
        except BootloaderError as err:
            if was_whole and err.result == NordicResult.NOT_PERMITTED:
                # It was executed, and has lost its power before anything came of that: a
                # bootloader that keeps how far it is (nRF5 SDK 12 to 14) may want an
                # object under way.
                self.activating = False
                raise _AstrayError(err) from err
            if err.extended != ExtendedError.VERIFICATION_FAILED:
                raise
            # The image has this hash, and all checksums were right; so it is the lock
            # that has lost something, or counts otherwise.
            self.activating = False
            if not self._pace.refused():
                raise
            # It forgets everything and restarts (nRF5 SDK 12 to 17: the settings page is
            # written as after a good one). One that does not is begun with anew.
            if await self._link.is_gone(_RESTARTS_WITHIN):
                raise TransportError(TransportProblem.LINK_LOST) from err
            raise _AstrayError(err) from err
        self._pace.accepted()

    async def _resume(self, selection: ObjectSelection) -> tuple[int, int]:
        """Return where the current object starts, and how much of the image is there."""
        offset, size = selection.offset, selection.max_size
        if not offset:
            return 0, 0
        start = (offset - 1) // size * size
        if _holds(self._image, selection):
            self._confirm(offset)
            if offset < len(self._image) and not offset % size:
                await self._execute_unless_done()
                return offset, offset
            return start, offset
        if start < len(self._image) and await self._create_again(start, size):
            self._confirm(start)
            return start, start
        await self._send_init_packet_anew()
        return 0, 0

    async def _execute_unless_done(self) -> None:
        """Execute an object that is complete, but may have been executed before."""
        try:
            await self._execute()
        except BootloaderError as err:
            if err.result != NordicResult.NOT_PERMITTED:
                raise

    async def _create_again(self, start: int, size: int) -> bool:
        """Create the object under way again, and return whether we agree about it.

        It takes the bootloader back to the last object that it has executed. Where it
        has executed something else, it refuses or is somewhere else.
        """
        size = min(size, len(self._image) - start)
        try:
            await self._link.request(create(ObjectType.DATA, size))
        except BootloaderError:
            return False
        selection = await self._select(ObjectType.DATA)
        return selection.offset == start and _holds(self._image, selection)

    def _confirm(self, offset: int) -> None:
        self.confirmed = max(self.confirmed, offset)
        self._progress(100 * self.confirmed / len(self._image))

    async def _send_object(self, start: int, position: int, end: int) -> bool:
        """Send an object from ``position`` on; create it if that is its start.

        Return whether it was executed as well.
        """
        fruitless = 0
        executed = created = False
        while position < end:
            burst = self._flow.burst(end - position)
            if position > start:
                # Even if it stays the same: this takes the lock's count to zero.
                self._receipt_every = 0
            await self._set_receipt(burst.receipt_every)
            if position == start:
                await self._create(end - start, again=created)
                created = True
            else:
                await self._until_erased()
            ahead = (
                self._pace.ahead and end < len(self._image) and burst.ends_with_receipt
            )
            if await self._send_burst(position, burst, ahead=ahead):
                executed = ahead
                break
            reached = await self._reached(start, end)
            if ahead and self._may_be_executed:
                await self._prove(reached, end)
                executed = True
                break
            if reached == end:
                if ahead:
                    # Something has put EXECUTE before the packets.
                    self._pace.unproven()
                break
            taken = self._packets_in(burst, reached - position)
            self._flow.lost(sent=len(burst.sizes), taken=taken)
            fruitless = 0 if reached > position else self._fruitless(fruitless)
            position = reached
        self._flow.delivered()
        self._confirm(end)
        return executed

    async def _prove(self, reached: int, end: int) -> None:
        """Have an object executed that may have been, if it is ours."""
        if reached != end:
            self._pace.wait()
            raise _AstrayError
        self._pace.unproven()
        await self._execute_unless_done()

    async def _create(self, size: int, *, again: bool) -> None:
        """Create an object; once more where the last one is still being dealt with.

        A bootloader that handles EXECUTE later than it says may refuse what comes next,
        and one of that kind lets nobody begin an object again that is under way (nRF5
        SDK 14, nrf_dfu_req_handler.c).
        """
        request = create(ObjectType.DATA, size)
        try:
            await self._link.request(request)
        except BootloaderError as err:
            if err.result != NordicResult.NOT_PERMITTED:
                raise
            await asyncio.sleep(_BUSY_PAUSE)
            try:
                await self._link.request(request)
            except BootloaderError as still:
                if still.result != NordicResult.NOT_PERMITTED:
                    raise
                # From the beginning; and where a gap was the reason, so that none can
                # come about any more.
                self._pace.one_at_a_time |= again
                raise _AstrayError(still) from still
        self._created = asyncio.get_running_loop().time()

    async def _reached(self, start: int, end: int) -> int:
        """Ask the bootloader from where the object must be sent on."""
        selection = await self._select(ObjectType.DATA)
        if start <= selection.offset <= end and _holds(self._image, selection):
            return selection.offset
        return start

    @staticmethod
    def _fruitless(before: int) -> int:
        """Count an attempt without progress; raise ``TransportError`` after too many."""
        if before + 1 == _FRUITLESS_ATTEMPTS:
            raise TransportError(TransportProblem.LOSSY_LINK)
        return before + 1

    @staticmethod
    def _packets_in(burst: Burst, taken: int) -> int | None:
        """Return how many packets make up ``taken`` bytes, if they do exactly."""
        boundaries = list(accumulate(burst.sizes))
        return boundaries.index(taken) + 1 if taken in boundaries else None

    async def _set_receipt(self, every: int) -> None:
        if every != self._receipt_every:
            await self._link.request(set_receipt(every))
            self._receipt_every = every

    async def _send_burst(self, position: int, burst: Burst, *, ahead: bool) -> bool:
        """Send the packets, never more without a receipt than the window allows.

        With ``ahead`` send EXECUTE behind the last one. Return whether receipts have
        proved that all of them arrived, and the answer that they were executed.
        """
        boundaries = list(accumulate(burst.sizes, initial=position))
        every = burst.receipt_every
        count = len(burst.sizes)
        self._receipted = position
        self._may_be_executed = False
        received = 0
        for index in range(count):
            if index - received >= burst.window:
                received += every
                if not await self._arrived(boundaries[received], index - received):
                    return False
            if index == burst.window:
                await self._until_erased()
            start, end = boundaries[index : index + 2]
            await self._spare_the_flash(end - start)
            await self._link.send_packet(self._image[start:end])
            self._count_sent(start, end)
        if ahead:
            return await self._execute_ahead(boundaries[-1])
        while received + every <= count:
            received += every
            if not await self._arrived(boundaries[received], count - received):
                return False
        return burst.ends_with_receipt

    async def _execute_ahead(self, expected: int) -> bool:
        """Execute an object whose last receipt is to come; return whether both are here."""
        try:
            answered = await self._link.execute_ahead(_PATIENCE)
        except BootloaderError as err:
            if err.result != NordicResult.NOT_PERMITTED:
                raise
            # Something of it is missing, so it was not executed.
            return False
        self._may_be_executed = True
        receipt = self._link.receipt_heard
        return (
            answered
            and receipt is not None
            and receipt.offset == expected
            and _holds(self._image, receipt)
        )

    async def _spare_the_flash(self, size: int) -> None:
        """Wait, where the lock does not, until even a slow flash has taken a packet."""
        if self._pace.manner is Manner.GENTLE:
            await self._until_erased()
            await asyncio.sleep(size / WORD * _SLOWEST_WORD)

    async def _until_erased(self) -> None:
        """Wait until the flash takes what is in the buffers of the object under way."""
        since = asyncio.get_running_loop().time() - self._created
        if since < self._flow.erase_time:
            await asyncio.sleep(self._flow.erase_time - since)

    async def _arrived(self, expected: int, behind: int) -> bool:
        """Wait until a receipt tells that all up to ``expected`` has arrived.

        ``behind`` packets are under way behind those. Receipts that come twice, late or
        not at all do no harm: each is for everything before it.
        """
        if self._receipted >= expected:
            return True
        under_way = behind + self._receipt_every
        round_trip = self._link.round_trip
        timeout = 2 * round_trip + under_way * self._packet_time
        timeout = min(max(timeout, _SHORTEST_RECEIPT_TIMEOUT), _LONGEST_RECEIPT_TIMEOUT)
        loop = asyncio.get_running_loop()
        started = loop.time()
        while self._receipted < expected:
            receipt = await self._link.receipt(timeout)
            if receipt is None or not _holds(self._image, receipt):
                return False
            self._receipted = receipt.offset
        taken = (loop.time() - started - round_trip) / self._receipt_every
        self._packet_time = max(taken, 0.8 * self._packet_time, round_trip / 8)
        self._confirm(self._receipted)
        return True

    def _count_sent(self, start: int, end: int) -> None:
        self.bytes_sent_again += max(0, min(end, self._furthest_sent) - start)
        self._furthest_sent = max(self._furthest_sent, end)


def _holds(data: bytes, state: ObjectSelection | Receipt) -> bool:
    """Return whether the bootloader has ours, all bytes up to its offset."""
    return state.offset <= len(data) and state.crc == crc32(data[: state.offset])
