"""An SMP server over GATT, as Zephyr's MCUmgr is one.

What a central writes is put together to requests in a few buffers; the requests are
carried out one after the other; each answer is notified in pieces. A write for which
there is no buffer, or that does not fit, is dropped without a word, since a write
command has no answer. Zephyr's subsys/mgmt/mcumgr: transport/src/smp_bt.c,
smp_reassembly.c and smp/src/smp.c.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import cbor2

from .smp_messages import (
    HEADER,
    Group,
    GroupRefusal,
    ImageCommand,
    Operation,
    OsCommand,
    Rc,
    SmpRefusal,
    SmpRequest,
    decode,
    encode,
)

__all__ = [
    "HEADER",
    "Group",
    "GroupRefusal",
    "ImageCommand",
    "Operation",
    "OsCommand",
    "Rc",
    "SmpFault",
    "SmpHandler",
    "SmpHost",
    "SmpRefusal",
    "SmpServer",
]

BUFFER_SIZE = 2475
BUFFER_COUNT = 4
RESET_DELAY = 0.25
"""Seconds between the answer to a reset and the reset."""

_ATT_HEADER = 3


_TAKES_NOTHING = {
    (Group.OS, Operation.READ, OsCommand.PARAMETERS),
    (Group.OS, Operation.WRITE, OsCommand.RESET),
    (Group.IMAGE, Operation.READ, ImageCommand.STATE),
    (Group.IMAGE, Operation.READ, ImageCommand.SLOT_INFO),
}
"""Requests whose fields nobody looks at, whatever they are."""


def _fields(request: SmpRequest) -> dict[Any, Any] | None:
    """Return the fields of a request; None for what is no map from names.

    Nothing of a map is looked at that has another kind of key (zcbor_bulk.c).
    """
    if (request.group, request.operation, request.command) in _TAKES_NOTHING:
        return {}
    try:
        fields = cbor2.loads(request.payload) if request.payload else {}
    except cbor2.CBORDecodeError, UnicodeDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    return fields if all(isinstance(key, str) for key in fields) else None


class SmpFault(Enum):
    """What an order does to an answer or to a request."""

    IGNORE = "ignore"
    """The request is not carried out, and not answered."""
    LOSE = "lose"
    """The request is carried out, but not answered."""
    ERROR = "error"
    """The request is not carried out, and answered with a result code."""
    WRONG_SEQUENCE = "wrong_sequence"
    GARBLE = "garble"
    """The answer's CBOR is none."""
    SLOW = "slow"
    """The request takes longer."""
    SILENCE = "silence"
    """From this request on nothing is answered any more, until the next start."""
    VANISH = "vanish"
    """The request is carried out; then the connection ends without an answer."""


@dataclass(slots=True, kw_only=True)
class SmpOrder:
    """A fault that is to come."""

    fault: SmpFault
    command: tuple[int, int] | None
    nth: int
    times: int
    rc: int
    delay: float


@dataclass(slots=True)
class SmpCounters:
    """What the servers of a lock have seen since the lock was made."""

    writes: int = 0
    """ATT writes."""
    dropped_writes: int = 0
    """ATT writes for which there was no buffer, or that made no request."""
    requests: int = 0
    uploads: int = 0
    answers: int = 0
    most_waiting: int = 0
    """The most requests that were there at the same time."""


class SmpHost(Protocol):
    """What a server runs on."""

    @property
    def mtu(self) -> int:
        """The MTU of the connection."""

    def notify_smp(self, data: bytes) -> None:
        """Send a notification of the characteristic."""

    def later(self, delay: float, do: Callable[[], None]) -> object:
        """Do something after so many seconds, unless the lock stops before."""

    def reset(self) -> None:
        """Restart."""

    def drop_central(self) -> None:
        """End the connection."""


class SmpHandler(Protocol):
    """A group of commands."""

    def start(self) -> None:
        """Forget what a restart makes one forget."""

    def read(self, command: int, fields: Mapping[str, Any]) -> tuple[Any, float]:
        """Carry out a read; return the answer, and how many seconds it takes.

        Raises ``SmpRefusal``, ``GroupRefusal`` or ``PowerLost``.
        """

    def write(self, command: int, fields: Mapping[str, Any]) -> tuple[Any, float]:
        """Carry out a write, as ``read`` does."""


class SmpServer:
    """A server with what is compiled into it; ``start`` and ``stop`` run it."""

    def __init__(
        self,
        images: SmpHandler,
        *,
        buffer_size: int = BUFFER_SIZE,
        buffer_count: int = BUFFER_COUNT,
        reassembles: bool = True,
        tells_parameters: bool = True,
        tells_bootloader: bool = True,
        version_2: bool = True,
    ) -> None:
        """Compile the server.

        Without ``reassembles`` each write must be a whole request. ``version_2`` is the
        protocol with errors of the groups' own; what speaks the first one only gets the
        errors of that.
        """
        self.images = images
        self.buffer_size = buffer_size
        self.buffer_count = buffer_count
        self.reassembles = reassembles
        self.tells_parameters = tells_parameters
        self.tells_bootloader = tells_bootloader
        self.version_2 = version_2
        self.processing_time = 0.004
        """Seconds for each request, besides what the flash takes."""
        self.busy_resets = 0
        """How often it refuses to restart from now on, because it is busy."""
        self.counters = SmpCounters()
        self._orders: list[SmpOrder] = []
        self._host: SmpHost | None = None
        self._forget()

    def order(
        self,
        fault: SmpFault,
        command: tuple[int, int] | None = None,
        *,
        nth: int = 1,
        times: int = 1,
        rc: int = Rc.UNKNOWN,
        delay: float = 10.0,
    ) -> None:
        """Order a fault for the ``nth`` request from now, and ``times`` on.

        Only requests of ``command`` (group and command) count, or all. ``rc`` is what
        ERROR answers, ``delay`` how many seconds SLOW takes.
        """
        self._orders.append(
            SmpOrder(
                fault=fault, command=command, nth=nth, times=times, rc=rc, delay=delay
            )
        )

    # Life.

    def start(self, host: SmpHost) -> None:
        """Start: everything in RAM is new."""
        self._host = host
        self._forget()
        self.images.start()

    def stop(self) -> None:
        """Stop, as by a reset or a loss of power."""
        self._host = None
        self._forget()

    def link_lost(self) -> None:
        """Drop a request that is not complete; the others are carried out."""
        self.end_reassembly()

    def end_reassembly(self) -> None:
        """Drop a request that is not complete."""
        if self._partial:
            self._partial.clear()
            self._free += 1

    def _forget(self) -> None:
        self._free = self.buffer_count
        self._partial = bytearray()
        self._expected = 0
        self._queue: deque[bytes] = deque()
        self._at_work = False
        self._answering = False
        """Whether the request under way has a buffer for its answer."""
        self._silent = False

    def _require_host(self) -> SmpHost:
        assert self._host is not None, "the server does not run"
        return self._host

    # Requests come in.

    def receive(self, data: bytes) -> None:
        """Take a write to the characteristic."""
        self.counters.writes += 1
        if not self._collect(data):
            self.counters.dropped_writes += 1
            self.end_reassembly()
            return
        if self._partial and not self._expected:
            self._queue.append(bytes(self._partial))
            self._partial.clear()
            waiting = len(self._queue) + self._at_work
            self.counters.most_waiting = max(self.counters.most_waiting, waiting)
            if not self._at_work:
                self._work()

    def _collect(self, data: bytes) -> bool:
        """Add a write to the request under way; return whether it fits."""
        if not self._partial:
            if not self.reassembles:
                length = len(data)
            elif len(data) < HEADER.size:
                return False
            else:
                length = HEADER.size + HEADER.unpack_from(data)[2]
            if (
                not data
                or not len(data) <= length <= self.buffer_size
                or not self._free
            ):
                return False
            self._free -= 1
            self._expected = length
        if len(data) > self._expected:
            return False
        self._partial += data
        self._expected -= len(data)
        return True

    # Requests are carried out.

    def _work(self) -> None:
        """Carry out the next request; its answer comes when its time has passed."""
        if not self._queue:
            self._at_work = False
            return
        self._at_work = True
        packet = self._queue.popleft()
        request = decode(packet)
        if request is None:
            self._done(None)
            return
        self.counters.requests += 1
        upload = (request.group, request.command) == (Group.IMAGE, ImageCommand.UPLOAD)
        self.counters.uploads += upload
        order = self._due(request)
        fault = None if order is None else order.fault
        delay = self.processing_time
        if fault is SmpFault.IGNORE or self._silent:
            answer = None
        elif order is not None and fault is SmpFault.ERROR:
            answer = encode(request, {"rc": order.rc}, self._version(request))
        elif not self._free:
            # An answer needs a buffer of its own; the error takes the request's.
            answer = encode(request, {"rc": Rc.NO_MEMORY}, self._version(request))
        else:
            self._free -= 1
            self._answering = True
            fields, seconds = self._carry_out(request)
            delay += seconds
            answer = encode(request, fields, self._version(request))
        if order is not None and fault is SmpFault.SLOW:
            delay += order.delay
        self._require_host().later(delay, lambda: self._finish(fault, answer))

    def _due(self, request: SmpRequest) -> SmpOrder | None:
        found = None
        for order in list(self._orders):
            if order.command not in {None, (request.group, request.command)}:
                continue
            order.nth -= 1
            if order.nth > 0 or found is not None:
                continue
            found = order
            order.times -= 1
            if not order.times:
                self._orders.remove(order)
        return found

    def _finish(self, fault: SmpFault | None, answer: bytes | None) -> None:
        match fault:
            case SmpFault.LOSE:
                answer = None
            case SmpFault.SILENCE:
                self._silent = True
                answer = None
            case SmpFault.VANISH:
                answer = None
                self._require_host().drop_central()
            case SmpFault.WRONG_SEQUENCE if answer is not None:
                head = bytearray(answer)
                head[6] = (head[6] + 1) % 256
                answer = bytes(head)
            case SmpFault.GARBLE if answer is not None:
                answer = answer[: HEADER.size] + b"\xff" * (len(answer) - HEADER.size)
        self._done(answer)

    def _done(self, answer: bytes | None) -> None:
        """Answer, free the request's buffer, and go on with the next one."""
        host = self._require_host()
        if answer is not None:
            self.counters.answers += 1
            piece = host.mtu - _ATT_HEADER
            for start in range(0, len(answer), piece):
                host.notify_smp(answer[start : start + piece])
        self._free += 1 + self._answering
        self._answering = False
        self._work()

    def _version(self, request: SmpRequest) -> int:
        return min(request.version, 1) if self.version_2 else 0

    def _carry_out(self, request: SmpRequest) -> tuple[Any, float]:
        """Return an answer's fields, and how many seconds they take."""
        if self.version_2 and request.version > 1:
            return {"rc": Rc.TOO_NEW}, 0.0
        fields = _fields(request)
        if fields is None:
            return {"rc": Rc.INVALID}, 0.0
        try:
            if request.group == Group.OS:
                return self._os(request, fields), 0.0
            if request.group == Group.IMAGE:
                carry_out = {
                    Operation.READ: self.images.read,
                    Operation.WRITE: self.images.write,
                }[Operation(request.operation)]
                return carry_out(request.command, fields)
        except SmpRefusal as refusal:
            return {"rc": refusal.rc}, 0.0
        except GroupRefusal as refusal:
            if self._version(request):
                return {"err": {"group": refusal.group, "rc": refusal.rc}}, 0.0
            return {"rc": refusal.translated}, 0.0
        return {"rc": Rc.NOT_SUPPORTED}, 0.0

    def _os(self, request: SmpRequest, fields: Mapping[str, Any]) -> Any:
        match request.command, request.operation:
            case OsCommand.ECHO, Operation.WRITE | Operation.READ:
                said = fields.get("d", "")
                if not isinstance(said, str):
                    raise SmpRefusal(Rc.INVALID)
                return {"r": said}
            case OsCommand.RESET, Operation.WRITE if self.busy_resets:
                self.busy_resets -= 1
                raise SmpRefusal(Rc.BUSY)
            case OsCommand.RESET, Operation.WRITE:
                host = self._require_host()
                host.later(RESET_DELAY + self.processing_time, host.reset)
                return {}
            case OsCommand.PARAMETERS, Operation.READ if self.tells_parameters:
                return {"buf_size": self.buffer_size, "buf_count": self.buffer_count}
            case OsCommand.BOOTLOADER, Operation.READ if self.tells_bootloader:
                if "query" not in fields:
                    return {"bootloader": "MCUboot"}
                if fields["query"] == "mode":
                    return {"mode": 3}  # swap without scratch
                raise SmpRefusal(Rc.INVALID)
        raise SmpRefusal(Rc.NOT_SUPPORTED)
