"""Image trailers: what boot loader and application tell each other over a restart.

MCUboot's docs/design.md, "Image trailer" and "Swap type"; bootutil/bootutil_public.c.
A trailer stands at the end of its slot, each field aligned to eight bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from .flash import ERASED, WORD
from .mcuboot_flash import SECTOR, McubootFlash, Slot

BOOT_MAGIC = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
MAX_SECTORS = 128
"""For how many sectors a trailer has room."""
MOVE_STATES = 1
SWAP_STATES = 2
_STATUS_SIZE = MAX_SECTORS * (MOVE_STATES + SWAP_STATES) * WORD
_FIELD = 8
TRAILER_SIZE = _STATUS_SIZE + 4 * _FIELD + len(BOOT_MAGIC)
TRAILER_SECTORS = -(-TRAILER_SIZE // SECTOR)


class Magic(IntEnum):
    """What a trailer's magic is."""

    GOOD = 1
    BAD = 2
    UNSET = 3


class Flag(IntEnum):
    """What a flag of a trailer is."""

    SET = 1
    BAD = 2
    UNSET = 3


class SwapType(IntEnum):
    """What the boot loader does at the next start, as it writes it down."""

    NONE = 1
    TEST = 2
    PERMANENT = 3
    REVERT = 4
    FAIL = 5


@dataclass(frozen=True, slots=True)
class SwapState:
    """What a trailer says."""

    magic: Magic
    image_ok: Flag
    copy_done: Flag


class Trailer:
    """The trailer of a slot. What writes raises ``PowerLost`` and returns seconds."""

    def __init__(self, slot: Slot) -> None:
        """Take the slot."""
        self._slot = slot
        self._magic = slot.size - len(BOOT_MAGIC)
        self._image_ok = self._magic - _FIELD
        self._copy_done = self._image_ok - _FIELD
        self._swap_info = self._copy_done - _FIELD
        self._swap_size = self._swap_info - _FIELD
        self._status = self._swap_size - _STATUS_SIZE

    @property
    def state(self) -> SwapState:
        """What it says now."""
        magic = self._slot.read(self._magic, len(BOOT_MAGIC))
        if magic == BOOT_MAGIC:
            found = Magic.GOOD
        elif magic == bytes([ERASED]) * len(BOOT_MAGIC):
            found = Magic.UNSET
        else:
            found = Magic.BAD
        return SwapState(found, self._flag(self._image_ok), self._flag(self._copy_done))

    def _flag(self, offset: int) -> Flag:
        value = self._slot.data[offset]
        if value == ERASED:
            return Flag.UNSET
        return Flag.SET if value == Flag.SET else Flag.BAD

    @property
    def swap_type(self) -> SwapType:
        """The swap that was begun."""
        value = self._slot.data[self._swap_info]
        return SwapType.NONE if value == ERASED else SwapType(value & 0x0F)

    @property
    def swap_size(self) -> int:
        """How many bytes of the slots are swapped."""
        return int.from_bytes(self._slot.read(self._swap_size, WORD), "little")

    @property
    def entries(self) -> int:
        """How many steps of a swap were done, as its status shows it: the last one."""
        for entry in range(_STATUS_SIZE // WORD, 0, -1):
            if self._slot.data[self._status + (entry - 1) * WORD] != ERASED:
                return entry
        return 0

    def write_entry(self, entry: int, state: int) -> float:
        """Note that a step of a swap is done; entries count from 0."""
        return self._put(self._status + entry * WORD, state)

    def write_magic(self) -> float:
        """Make the trailer count."""
        return self._slot.write(self._magic, BOOT_MAGIC)

    def write_image_ok(self) -> float:
        """Confirm the image, or make its swap a permanent one."""
        return self._put(self._image_ok, Flag.SET)

    def write_copy_done(self) -> float:
        """Note that the swap is over."""
        return self._put(self._copy_done, Flag.SET)

    def write_swap_type(self, swap_type: SwapType) -> float:
        """Note which swap is begun."""
        return self._put(self._swap_info, swap_type)

    def write_swap_size(self, size: int) -> float:
        """Note how much is swapped."""
        return self._slot.write(self._swap_size, size.to_bytes(WORD, "little"))

    def _put(self, offset: int, value: int) -> float:
        return self._slot.write(offset, bytes((value, *[ERASED] * (WORD - 1))))

    def erase(self) -> Iterator[float]:
        """Erase its sectors, from the last one on."""
        for number in range(TRAILER_SECTORS):
            yield self._slot.erase(self._slot.sectors - 1 - number)


def next_swap(flash: McubootFlash) -> SwapType:
    """Return what the boot loader would do at the next start."""
    primary, secondary = Trailer(flash.primary).state, Trailer(flash.secondary).state
    if secondary.magic is Magic.GOOD and secondary.image_ok is Flag.UNSET:
        return SwapType.TEST
    if secondary.magic is Magic.GOOD and secondary.image_ok is Flag.SET:
        return SwapType.PERMANENT
    if (
        primary.magic is Magic.GOOD
        and primary.image_ok is Flag.UNSET
        and primary.copy_done is Flag.SET
        and secondary.magic is Magic.UNSET
    ):
        return SwapType.REVERT
    return SwapType.NONE


class BadTrailer(Exception):
    """A trailer is neither good nor empty; its slot has been erased."""


def set_pending(flash: McubootFlash, *, permanent: bool) -> float:
    """Have the image in slot 1 swapped in at the next start, as the application does it.

    Returns seconds; raises ``BadTrailer`` or ``PowerLost``.
    """
    trailer = Trailer(flash.secondary)
    match trailer.state.magic:
        case Magic.UNSET:
            seconds = trailer.write_magic()
            if permanent:
                seconds += trailer.write_image_ok()
            swap = SwapType.PERMANENT if permanent else SwapType.TEST
            return seconds + trailer.write_swap_type(swap)
        case Magic.BAD:
            for sector in range(flash.secondary.sectors):
                flash.secondary.erase(sector)
            raise BadTrailer
    return 0.0


def set_confirmed(flash: McubootFlash) -> float:
    """Keep the running image, as the application does it.

    Returns seconds; raises ``BadTrailer`` or ``PowerLost``.
    """
    trailer = Trailer(flash.primary)
    state = trailer.state
    if state.magic is Magic.BAD:
        raise BadTrailer
    if state.magic is Magic.GOOD and state.image_ok is Flag.UNSET:
        return trailer.write_image_ok()
    return 0.0
