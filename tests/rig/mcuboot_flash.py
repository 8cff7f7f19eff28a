"""The flash of a lock with MCUboot: two slots of sectors that are erased whole."""

from .flash import ERASE_TIME, ERASED, WORD, WORD_TIME, Operations, write_bits

SECTOR = 4096
SLOT_SECTORS = 119
"""476 KiB a slot, the usual layout of an nRF52840."""


class Slot:
    """A part of the flash that holds an image and, at its end, the image's trailer."""

    def __init__(
        self,
        operations: Operations,
        sectors: int,
        data: bytearray | memoryview | None = None,
    ) -> None:
        """Begin erased, unless it is a part of what there is."""
        self.sectors = sectors
        self.size = sectors * SECTOR
        self.data = bytearray([ERASED]) * self.size if data is None else data
        self._operations = operations

    def behind(self, sectors: int) -> Slot:
        """Return what is behind its first sectors; it is the same memory."""
        rest = memoryview(self.data)[sectors * SECTOR :]
        return Slot(self._operations, self.sectors - sectors, rest)

    def read(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        return bytes(self.data[offset : offset + length])

    def erased(self, offset: int, length: int) -> bool:
        """Return whether there is nothing in a range."""
        return self.read(offset, length) == bytes([ERASED]) * length

    def erase(self, sector: int) -> float:
        """Erase a sector; return how many seconds it takes. Raises ``PowerLost``."""
        start = sector * SECTOR

        def do(length: int) -> None:
            self.data[start : start + length] = bytes([ERASED]) * length

        self._operations.perform(SECTOR, do)
        return ERASE_TIME

    def write(self, offset: int, data: bytes) -> float:
        """Write words; return how many seconds it takes. Raises ``PowerLost``."""

        def do(length: int) -> None:
            write_bits(self.data, offset, data[:length])

        self._operations.perform(len(data), do)
        return len(data) / WORD * WORD_TIME


class McubootFlash:
    """What survives a loss of power: two slots, and a security counter."""

    def __init__(self, image: bytes, *, sectors: int = SLOT_SECTORS) -> None:
        """Begin as the factory leaves it: one image in slot 0, confirmed."""
        self.operations = Operations()
        self.cut_at = self.operations.cut_at
        """Orders a loss of power at a write or an erase."""
        self.primary = Slot(self.operations, sectors)
        self.whole_secondary = Slot(self.operations, sectors)
        self.primary.data[: len(image)] = image
        self.security_counter = 0
        """The highest of a confirmed image; kept apart from the slots."""

    @property
    def secondary(self) -> Slot:
        """Slot 1, as far as an image may fill it."""
        return self.whole_secondary

    @property
    def slots(self) -> tuple[Slot, Slot]:
        """Both slots."""
        return self.primary, self.secondary

    def keep_security_counter(self, counter: int) -> None:
        """Raise the counter. Raises ``PowerLost``."""

        def do(length: int) -> None:
            if length:
                self.security_counter = counter

        self.operations.perform(4, do)
