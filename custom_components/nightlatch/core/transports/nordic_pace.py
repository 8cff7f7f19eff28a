"""Nordic Secure DFU over Bluetooth LE: how soon a lock may be told to take an object.

EXECUTE may follow the last packet of an object at once, in place of waiting for the
receipt first: a bootloader takes what is written to it in order. What comes next waits
for both, the receipt (offset and checksum) and the answer, so that every object is proven
before the next one is begun; and the last one is executed only once all is proven.

Nothing tells which bootloader it is. So it begins with waiting, and goes ahead only where
the flash keeps up. One that takes everything, and has something else in the end, is given
time for every packet: there data wait in a ring that nobody watches (nRF5 SDK 12).
"""

from ..model import Manner

# So many objects are waited for in full before one is executed ahead.
_CAREFUL_OBJECTS = 2
# So often there may be no proof, without anything lost, before it is waited for again.
_MOST_UNPROVEN = 2
# An answer that takes so many times as long as others has waited for the flash.
_LATE = 1.5


class Pace:
    """What is learned of one lock; outlives its connections."""

    def __init__(self, learned: Manner | None = None) -> None:
        """Begin with what was learned in earlier transfers, if anything."""
        self.learned = learned
        """What holds for the next transfer; None where that has to find out itself."""
        self.manner = learned or Manner.WAITING
        self.one_at_a_time = False
        """Whether each packet is waited for: where a gap cannot be filled any more."""
        self._careful = 0
        self._unproven = 0

    @property
    def ahead(self) -> bool:
        """Whether EXECUTE may follow the last packet at once."""
        return self.manner is Manner.AHEAD

    def waited(self, seconds: float, round_trip: float) -> None:
        """Take note of how long EXECUTE took for an object that was waited for."""
        if self.learned is not None:
            return
        if seconds > _LATE * round_trip:
            # What is asked sooner is answered no sooner.
            self._careful = 0
            return
        self._careful += 1
        if self._careful == _CAREFUL_OBJECTS:
            self.manner = Manner.AHEAD

    def unproven(self) -> None:
        """Take note of an object that had come, but was not proven by what was heard."""
        self._unproven += 1
        if self._unproven == _MOST_UNPROVEN:
            self.wait()

    def wait(self) -> None:
        """Wait for every receipt from now on, and in all transfers to come."""
        if self.ahead:
            self.manner = self.learned = Manner.WAITING

    def be_gentle(self) -> None:
        """Give the flash time from now on, and in all transfers to come."""
        self.manner = self.learned = Manner.GENTLE

    def accepted(self) -> None:
        """Take note that the lock has verified the image as a whole."""
        if self.ahead:
            self.learned = Manner.AHEAD
