"""MCUboot, as it behaves: it swaps, tests, reverts, and boots nothing that is not signed.

The algorithm is *swap using move*: the running image is moved up by a sector, then both
are exchanged sector by sector, and after each step an entry in the trailer of slot 0
says that it is done; so a swap goes on where a loss of power has ended it. MCUboot's
docs/design.md, "Swap using move"; bootutil/loader.c and swap_move.c.

``boot`` is a generator: it does one operation of the flash at a time and yields how many
seconds that takes, so that whoever runs it can let the time pass, or end it there.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from .mcuboot_check import NoImage, PublicKey, SlotImage, is_genuine, read_slot
from .mcuboot_flash import SECTOR, McubootFlash, Slot
from .mcuboot_image import ImageFlag
from .mcuboot_trailer import (
    MAX_SECTORS,
    MOVE_STATES,
    SWAP_STATES,
    TRAILER_SECTORS,
    Flag,
    Magic,
    SwapType,
    Trailer,
    next_swap,
)

COPY_BUFFER = 1024
"""Bytes that are copied at once."""
VALIDATION_TIME = 0.25
"""Seconds to hash an image and verify its signature."""

_MOVE_ENTRIES = MAX_SECTORS * MOVE_STATES


@dataclass(slots=True)
class BootCounters:
    """What a boot loader has done since the lock was made."""

    boots: int = 0
    swaps: int = 0
    """Swaps that were finished, whichever way."""
    reverts: int = 0
    resumed: int = 0
    """Swaps that went on after a loss of power."""
    refused: int = 0
    """Images in slot 1 that it did not believe."""


class McubootBootloader:
    """A boot loader with what is compiled into it; ``boot`` runs it."""

    def __init__(
        self,
        flash: McubootFlash,
        *,
        public_key: PublicKey,
        prevents_downgrade: bool = False,
        counts_security: bool = False,
    ) -> None:
        """Compile the boot loader.

        With ``prevents_downgrade`` a lower version is not swapped in; with
        ``counts_security`` no image whose security counter is lower than that of an
        image that was confirmed.
        """
        self.flash = flash
        self.public_key = public_key
        self.prevents_downgrade = prevents_downgrade
        self.counts_security = counts_security
        self.counters = BootCounters()
        self._primary = Trailer(flash.primary)
        self._secondary = Trailer(flash.secondary)

    @property
    def application_flash(self) -> McubootFlash:
        """The flash as an application sees it that was built for this boot loader."""
        return self.flash

    @property
    def _candidate(self) -> Slot:
        """Where the image begins that is to be swapped in."""
        return self.flash.secondary

    def boot(self) -> Generator[float, None, SlotImage | None]:
        """Do what is to be done, and return the image that runs then, if one may."""
        self.counters.boots += 1
        swap_type = SwapType.NONE
        if self._swap_under_way():
            swap_type = self._primary.swap_type
            entries = self._primary.entries
            if not entries and self._proven(self._candidate) is None:
                swap_type = SwapType.FAIL
            self.counters.resumed += 1
        else:
            entries = 0
            swap_type = yield from self._checked_swap_type()
        yield VALIDATION_TIME
        if swap_type is SwapType.FAIL:
            yield from self._forget_secondary()
        elif swap_type is not SwapType.NONE:
            yield from self._swap(swap_type, entries)
        running = self._proven(self.flash.primary)
        if running is not None:
            yield from self._count_security(running)
        return running

    # What is to be done.

    def _swap_under_way(self) -> bool:
        """Return whether slot 0 has begun to be swapped, so that its trailer counts."""
        primary, secondary = self._primary.state, self._secondary.state
        return (
            primary.magic is Magic.GOOD
            and primary.copy_done is Flag.UNSET
            and secondary.magic is not Magic.GOOD
        )

    def _checked_swap_type(self) -> Generator[float, None, SwapType]:
        swap_type = next_swap(self.flash)
        if swap_type is SwapType.NONE:
            return swap_type
        try:
            read_slot(self._candidate)
        except NoImage as err:
            return SwapType.NONE if err.args == ("magic",) else SwapType.FAIL
        new = self._proven(self._candidate)
        if new is None:
            self.counters.refused += 1
            return SwapType.FAIL
        if swap_type is not SwapType.REVERT and self._is_downgrade(new):
            self.counters.refused += 1
            yield from self._erase(self.flash.secondary)
            return SwapType.NONE
        if not self._has_room():
            return SwapType.NONE
        return swap_type

    def _is_downgrade(self, new: SlotImage) -> bool:
        if not self.prevents_downgrade:
            return False
        try:
            # The build is not compared.
            return new.version[:3] < read_slot(self.flash.primary).version[:3]
        except NoImage:
            return False

    def _proven(self, slot: Slot) -> SlotImage | None:
        """Return the image in a slot, if it is one that may run."""
        try:
            image = read_slot(slot)
        except NoImage:
            return None
        if image.flags & ImageFlag.NON_BOOTABLE:
            return None
        if not is_genuine(image, self.public_key):
            return None
        if self.counts_security and (
            image.security_counter is None
            or image.security_counter < self.flash.security_counter
        ):
            return None
        return image

    def _forget_secondary(self) -> Iterator[float]:
        """Never try an image again that is not to be believed."""
        yield from self._erase(self.flash.secondary)
        if self._primary.state.image_ok is Flag.UNSET:
            yield self._primary.write_image_ok()

    def _count_security(self, running: SlotImage) -> Iterator[float]:
        """Let no image run any more that is older than one that was confirmed."""
        counter = running.security_counter
        if (
            self.counts_security
            and counter is not None
            and counter > self.flash.security_counter
            and next_swap(self.flash) is SwapType.NONE
        ):
            self.flash.keep_security_counter(counter)
            yield 0.0

    # The swap.

    def _swap_size(self) -> int:
        """Return how many bytes must be exchanged: as many as the larger image has."""
        sizes = [0]
        for slot in (self.flash.primary, self._candidate):
            try:
                sizes.append(read_slot(slot).size)
            except NoImage:
                continue
        return max(sizes)

    def _has_room(self) -> bool:
        """Return whether slot 0 has a sector to move up by, below its trailer."""
        last = self._last_index(self._swap_size())
        return last < self.flash.primary.sectors - TRAILER_SECTORS

    def _last_index(self, size: int) -> int:
        """Return how many sectors are exchanged."""
        return max(1, -(-size // SECTOR))

    def _swap(self, swap_type: SwapType, entries: int) -> Iterator[float]:
        """Exchange the slots, from the last step on that was done."""
        if self._swap_under_way():
            size = self._primary.swap_size
        else:
            size = self._swap_size()
            if swap_type is SwapType.REVERT:
                yield from self._prepare_revert(size)
            yield from self._begin(swap_type, size)
        last = self._last_index(size)
        if not entries:
            yield from self._secondary.erase()
        yield from self._exchange_all(last, entries)
        if swap_type in {SwapType.REVERT, SwapType.PERMANENT} and (
            self._primary.state.image_ok is Flag.UNSET
        ):
            yield self._primary.write_image_ok()
        yield self._primary.write_copy_done()
        self.counters.swaps += 1
        self.counters.reverts += swap_type is SwapType.REVERT

    def _prepare_revert(self, size: int) -> Iterator[float]:
        """Make a revert look like a permanent swap.

        Or, between the erase of slot 0's trailer and its new beginning, a loss of power
        would leave no trace that there is anything to revert.
        """
        yield from self._secondary.erase()
        yield self._secondary.write_image_ok()
        yield self._secondary.write_swap_size(size)
        yield self._secondary.write_magic()

    def _begin(self, swap_type: SwapType, size: int) -> Iterator[float]:
        """Begin a swap's record in slot 0; it counts once its magic is there."""
        yield from self._primary.erase()
        yield self._primary.write_swap_type(swap_type)
        if self._secondary.state.image_ok is Flag.SET:
            yield self._primary.write_image_ok()
        yield self._primary.write_swap_size(size)
        yield self._primary.write_magic()

    def _exchange_all(self, last: int, entries: int) -> Iterator[float]:
        """Exchange so many sectors, from the last step on that was done."""
        if entries < _MOVE_ENTRIES:
            for done in range(entries, last):
                yield from self._move_up(last - done, done)
            entries = _MOVE_ENTRIES
        for done in range(entries - _MOVE_ENTRIES, last * SWAP_STATES):
            yield from self._exchange(done)

    def _move_up(self, index: int, entry: int) -> Iterator[float]:
        """Move the sector before ``index`` of slot 0 up to it."""
        slot = self.flash.primary
        yield from self._copy(slot, index - 1, slot, index)
        yield self._primary.write_entry(entry, 1)

    def _exchange(self, step: int) -> Iterator[float]:
        """Exchange a sector: one half step from slot 1, the other out of slot 0."""
        primary, secondary = self.flash.slots
        index, state = divmod(step, SWAP_STATES)
        if state == 0:
            yield from self._copy(secondary, index, primary, index)
        else:
            yield from self._copy(primary, index + 1, secondary, index)
        yield self._primary.write_entry(_MOVE_ENTRIES + step, state + 1)

    def _copy(
        self, source: Slot, source_sector: int, target: Slot, target_sector: int
    ) -> Iterator[float]:
        """Copy a sector."""
        yield target.erase(target_sector)
        for offset in range(0, SECTOR, COPY_BUFFER):
            data = source.read(source_sector * SECTOR + offset, COPY_BUFFER)
            yield target.write(target_sector * SECTOR + offset, data)

    def _erase(self, slot: Slot) -> Iterator[float]:
        """Erase all that is not erased yet."""
        for sector in range(slot.sectors):
            if not slot.erased(sector * SECTOR, SECTOR):
                yield slot.erase(sector)
