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
# So many late answers may be the radio's.
_MOST_CHANCE = 1
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
        self._prompt = 0
        self._late = 0
        """Objects that were executed at once, and those that waited for the flash."""
        self._gentle_since_refusal = False

    @property
    def ahead(self) -> bool:
        """Whether EXECUTE may follow the last packet at once."""
        return self.manner is Manner.AHEAD

    def waited(self, seconds: float, round_trip: float) -> None:
        """Take note of how long EXECUTE took for an object that was waited for."""
        late = seconds > _LATE * round_trip
        self._late += late
        self._prompt += not late
        if self.learned is not None:
            return
        if late:
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

    def refused(self) -> bool:
        """Take note that the lock has refused the image as a whole.

        Return whether it makes sense to send all of it again, more gently: from now on,
        and in all transfers to come, the flash is given time. It makes none where that was
        tried, and none where the lock itself has waited for its flash before it said that
        an object is executed: one of that kind loses nothing without noticing.
        """
        if self.manner is Manner.GENTLE:
            if self._gentle_since_refusal:
                # It was not for want of time.
                self.learned = None
            return False
        if not self.ahead and self._late > max(self._prompt, _MOST_CHANCE):
            return False
        self._gentle_since_refusal = True
        self.manner = self.learned = Manner.GENTLE
        return True

    def accepted(self) -> None:
        """Take note that the lock has verified the image as a whole."""
        if self.ahead:
            self.learned = Manner.AHEAD
