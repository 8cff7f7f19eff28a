"""Flash memory that loses its power at exactly the write that a test wants.

Every kind of lock writes through one ``Operations``, so that "a cut at every flash
write" can be counted and tried.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

WORD = 4
"""Bytes that are written as one: a word is written or it is not."""
ERASED = 0xFF
ERASE_TIME = 0.085
"""Seconds to erase a page; nRF52840 Product Specification, NVMC."""
WORD_TIME = 41e-6
"""Seconds to write a word; the same table."""


class PowerLost(Exception):
    """The power has gone: the processor stops in the middle of what it was doing."""

    def __init__(self, restore_after: float | None) -> None:
        """Keep after how many seconds it returns, if it does."""
        self.restore_after = restore_after
        super().__init__("power lost")


@dataclass(frozen=True, slots=True)
class _Cut:
    torn: bool
    restore_after: float | None


@dataclass(slots=True)
class Operations:
    """The writes and erases of a flash memory, counted since it was made."""

    count: int = 0
    _cuts: dict[int, _Cut] = field(default_factory=dict)

    def cut_at(
        self, operation: int, *, torn: bool = False, restore_after: float | None = None
    ) -> None:
        """Order a loss of power, once, at an operation: 1 is the next one from now.

        It comes before the operation, or with ``torn`` in its middle. ``restore_after``
        is in seconds.
        """
        if operation < 1:
            raise ValueError(f"there is no operation {operation}")
        self._cuts[self.count + operation] = _Cut(torn, restore_after)

    def perform(self, size: int, do: Callable[[int], None]) -> None:
        """Write or erase so many bytes; raise ``PowerLost``.

        ``do`` gets how many of the bytes get done.
        """
        self.count += 1
        cut = self._cuts.pop(self.count, None)
        if cut is None:
            do(size)
            return
        if cut.torn:
            do(size // 2 // WORD * WORD)
        raise PowerLost(cut.restore_after)


def write_bits(memory: bytearray | memoryview, offset: int, data: bytes) -> None:
    """Write words as NOR flash does: bits are cleared, only an erase sets them."""
    before = memory[offset : offset + len(data)]
    if len(data) % WORD or offset % WORD or len(before) != len(data):
        raise ValueError(f"no words: {len(data)} bytes at {offset}")
    after = bytes(old & new for old, new in zip(before, data, strict=True))
    if after != data:
        raise ValueError(f"{len(data)} bytes at {offset} were not erased before")
    memory[offset : offset + len(data)] = data
