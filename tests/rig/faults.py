"""Faults of a link that can be ordered."""

from dataclasses import dataclass
from enum import Enum


class Traffic(Enum):
    """What an order waits for."""

    CONNECTION = "connection"
    PACKET = "packet"
    """An unacknowledged write."""
    WRITE = "write"
    """An acknowledged write."""
    NOTIFICATION = "notification"


class Fault(Enum):
    """What an order does."""

    LOSE = "lose"
    """A connection is refused, a packet or a notification gets lost, a write hangs."""
    CUT_BEFORE = "cut_before"
    """The link breaks, and the other side never sees it."""
    CUT_AFTER = "cut_after"
    """The other side sees it, then the link breaks; a write is not answered any more."""
    GARBLE = "garble"
    DUPLICATE = "duplicate"
    DELAY = "delay"


_POSSIBLE = {
    Traffic.CONNECTION: {Fault.LOSE},
    Traffic.PACKET: {Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER},
    Traffic.WRITE: {Fault.LOSE, Fault.CUT_BEFORE, Fault.CUT_AFTER},
    Traffic.NOTIFICATION: set(Fault),
}


@dataclass(slots=True, kw_only=True)
class Order:
    """A fault that is to come."""

    traffic: Traffic
    fault: Fault
    match: bytes
    nth: int
    times: int
    delay: float
    mask: bytes

    def hits(self, traffic: Traffic, data: bytes) -> bool:
        """Count a piece of traffic and return whether the fault is due."""
        if self.traffic is not traffic or not data.startswith(self.match):
            return False
        self.nth -= 1
        return self.nth <= 0 < self.times


class Orders:
    """The faults of a link that are still to come."""

    def __init__(self) -> None:
        """Begin without any."""
        self._orders: list[Order] = []

    def add(
        self,
        traffic: Traffic,
        fault: Fault,
        *,
        match: bytes = b"",
        nth: int = 1,
        times: int = 1,
        delay: float = 0.0,
        mask: bytes = b"\xff",
    ) -> None:
        """Order a fault for the ``nth`` piece of traffic from now, and ``times`` on.

        Only traffic that begins with ``match`` counts. ``delay`` is in seconds;
        ``mask`` is what GARBLE turns over, from the first byte on.
        """
        if fault not in _POSSIBLE[traffic]:
            raise ValueError(f"{fault} does not happen to a {traffic}")
        self._orders.append(
            Order(
                traffic=traffic,
                fault=fault,
                match=match,
                nth=nth,
                times=times,
                delay=delay,
                mask=mask,
            )
        )

    def due(self, traffic: Traffic, data: bytes = b"") -> Order | None:
        """Count a piece of traffic for all orders; return the one that is due."""
        due = [order for order in self._orders if order.hits(traffic, data)]
        if not due:
            return None
        due[0].times -= 1
        if not due[0].times:
            self._orders.remove(due[0])
        return due[0]
