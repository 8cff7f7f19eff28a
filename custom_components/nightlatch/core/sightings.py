"""What is heard without proof, and how much is made of it.

Anybody near a lock can advertise what they like, at any address. So an advertisement is a
hint: it is looked into, at the cost of a connection, and what it can cause has a limit.
"""

# Seconds without the application before a bootloader is thought possible. Locks advertise
# at least every ten seconds; a bootloader that nobody talks to waits for two minutes.
SILENT_FOR = 20.0
# Seconds. Until something is done once more because of a hint, at first and at the most.
ASK_AGAIN = 60.0
LONGEST_PAUSE = 6 * 3600.0
# Seconds without a hint, after which the first one counts at once again.
FORGOTTEN_AFTER = 24 * 3600.0


class Patience:
    """Lets what a hint causes happen, but with pauses that grow from time to time.

    A dozen times a day at the most, whatever is advertised.
    """

    def __init__(self) -> None:
        """Begin as if nothing had ever been heard."""
        self._last: tuple[float, float] | None = None
        """When it happened last, and how long the pause behind that is."""

    def allows(self, now: float) -> bool:
        """Return whether it may happen now, and then count it; ``now`` in seconds."""
        pause = ASK_AGAIN
        if self._last is not None and now - self._last[0] <= FORGOTTEN_AFTER:
            last, before = self._last
            if now < last + before:
                return False
            pause = min(2 * before, LONGEST_PAUSE)
        self._last = now, pause
        return True


class Sightings:
    """Whether a lock may be in its bootloader, as far as can be heard."""

    def __init__(self) -> None:
        """Begin without having heard anything."""
        self._alone_since: float | None = None
        """When the bootloader was heard first since the application was last."""

    def application_heard(self) -> None:
        """Note that the application advertises: then nothing else is believed."""
        self._alone_since = None

    def bootloader_heard(self, now: float) -> bool:
        """Return whether a bootloader is worth a look; ``now`` in seconds.

        That is when it has been heard for a while, and the application has not.
        """
        if self._alone_since is None:
            self._alone_since = now
        return now - self._alone_since >= SILENT_FOR

    @property
    def seems_stranded(self) -> bool:
        """Return whether nothing of the application was heard since the bootloader."""
        return self._alone_since is not None
