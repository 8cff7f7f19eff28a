"""MCUboot that swaps *using offset*, as Zephyr's own boards do by default.

Nothing is moved up first: a new image is written behind the first sector of slot 1, and
each sector of the old one goes to where the new one's sector before it was. So after a
swap the old image begins where slot 1 does, and where nobody looks for it once the new
one was confirmed: then slot 0 alone is shown. MCUboot's docs/design.md, "Swap using
offset"; a real one's answers are in the test of this module.
"""

from collections.abc import Iterator
from typing import override

from .mcuboot_bootloader import McubootBootloader
from .mcuboot_flash import McubootFlash, Slot
from .mcuboot_trailer import SWAP_STATES, Magic, SwapType, next_swap

_FIRST = 1
"""The sector of slot 1 at which a new image begins."""


class _SeenFlash(McubootFlash):
    """The flash as the application sees it: slot 1 begins where its image does."""

    def __init__(self, flash: McubootFlash) -> None:
        """Take the flash; it is the same memory."""
        self.operations = flash.operations
        self.cut_at = flash.cut_at
        self.primary = flash.primary
        self.whole_secondary = flash.whole_secondary
        self._flash = flash

    @property
    @override
    def secondary(self) -> Slot:
        if next_swap(self._flash) is SwapType.REVERT:
            return self.whole_secondary
        return self.whole_secondary.behind(_FIRST)


class OffsetBootloader(McubootBootloader):
    """A boot loader that swaps using offset."""

    @property
    @override
    def application_flash(self) -> McubootFlash:
        return _SeenFlash(self.flash)

    @property
    def _goes_back(self) -> bool:
        """Whether what is exchanged, or to be exchanged, is to go back."""
        if self._swap_under_way():
            return self._primary.swap_type is SwapType.REVERT
        if self._secondary.state.magic is Magic.GOOD:
            return self._secondary.swap_type is SwapType.REVERT
        return next_swap(self.flash) is SwapType.REVERT

    @property
    @override
    def _candidate(self) -> Slot:
        slot = self.flash.secondary
        return slot if self._goes_back else slot.behind(_FIRST)

    @override
    def _prepare_revert(self, size: int) -> Iterator[float]:
        yield from self._secondary.erase()
        yield self._secondary.write_image_ok()
        yield self._secondary.write_swap_size(size)
        # Which way it goes must be known as long as it is not done.
        yield self._secondary.write_swap_type(SwapType.REVERT)
        yield self._secondary.write_magic()

    @override
    def _begin(self, swap_type: SwapType, size: int) -> Iterator[float]:
        back = SwapType.REVERT if self._goes_back else swap_type
        yield from super()._begin(back, size)

    @override
    def _exchange_all(self, last: int, entries: int) -> Iterator[float]:
        back = self._goes_back
        primary, secondary = self.flash.slots
        for step in range(entries, last * SWAP_STATES):
            index, state = divmod(step, SWAP_STATES)
            if back:
                index = last - 1 - index
            away, here = (index + _FIRST, index) if back else (index, index + _FIRST)
            if state == 0:
                yield from self._copy(primary, index, secondary, away)
            else:
                yield from self._copy(secondary, here, primary, index)
            yield self._primary.write_entry(step, state + 1)
