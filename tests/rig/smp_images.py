"""The image group of an SMP server: upload, state and erase, as Zephyr's is.

Zephyr's subsys/mgmt/mcumgr/grp/img_mgmt: img_mgmt.c, img_mgmt_state.c and
zephyr_img_mgmt.c; subsys/dfu/img_util/flash_img.c.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
from typing import Any, Self, override

from .flash import ERASED, WORD
from .mcuboot_check import NoImage, SlotImage, read_slot
from .mcuboot_flash import SECTOR, McubootFlash
from .mcuboot_image import HEADER, IMAGE_MAGIC, ImageFlag
from .mcuboot_trailer import (
    TRAILER_SECTORS,
    BadTrailer,
    SwapType,
    next_swap,
    set_confirmed,
    set_pending,
)
from .smp_messages import Group, GroupRefusal, ImageCommand, Rc, SmpRefusal
from .smp_server import SmpHandler

BLOCK = 512
"""Bytes that are collected before they are written."""

_HASH_NOT_FOUND = (8, Rc.UNKNOWN)
_NO_FREE_SLOT = (9, Rc.BAD_STATE)
_INVALID_SLOT = (10, Rc.INVALID)
_WRITE_FAILED = (12, Rc.UNKNOWN)
_INVALID_OFFSET = (20, Rc.INVALID)
_INVALID_LENGTH = (21, Rc.INVALID)
_INVALID_HEADER = (22, Rc.INVALID)
_INVALID_MAGIC = (23, Rc.UNKNOWN)
_INVALID_HASH = (24, Rc.INVALID)
_VERSION_UNKNOWN = (26, Rc.UNKNOWN)
_CURRENT_IS_NEWER = (27, Rc.BAD_STATE)
_ALREADY_PENDING = (28, Rc.BAD_STATE)
_TOO_LARGE = (30, Rc.UNKNOWN)
_OVERRUN = (31, Rc.UNKNOWN)
_TEST_OF_ACTIVE = (33, Rc.UNKNOWN)


_LARGEST_NUMBER = 2**32 - 1
_SLOTS = 2


def _number(fields: Mapping[str, Any], name: str, default: int | None) -> int | None:
    """Return a number that a processor of 32 bits can take; raise ``SmpRefusal``."""
    if name not in fields:
        return default
    value = fields[name]
    # A map that cannot be decoded as a whole is refused before anybody looks at it.
    if not isinstance(value, int) or isinstance(value, bool):
        raise SmpRefusal(Rc.INVALID)
    if not 0 <= value <= _LARGEST_NUMBER:
        raise SmpRefusal(Rc.INVALID)
    return value


def _bytes(fields: Mapping[str, Any], name: str) -> bytes:
    """Return bytes, or none of them; raise ``SmpRefusal``."""
    value = fields.get(name, b"")
    if not isinstance(value, bytes):
        raise SmpRefusal(Rc.INVALID)
    return value


def _choice(fields: Mapping[str, Any], name: str) -> bool:
    """Return a yes or no; raise ``SmpRefusal``."""
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise SmpRefusal(Rc.INVALID)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """A request to upload that could be decoded."""

    offset: int | None
    data: bytes
    size: int | None
    sha: bytes
    upgrade: bool

    @classmethod
    def decode(cls, fields: Mapping[str, Any]) -> Self:
        """Return what a request asks for; raise ``SmpRefusal``."""
        _number(fields, "image", 0)  # with one image its number is not looked at
        return cls(
            offset=_number(fields, "off", None),
            data=_bytes(fields, "data"),
            size=_number(fields, "len", None),
            sha=_bytes(fields, "sha"),
            upgrade=_choice(fields, "upgrade"),
        )


def _refused(code: tuple[int, Rc]) -> GroupRefusal:
    return GroupRefusal(Group.IMAGE, *code)


class SmpImages(SmpHandler):
    """The image group; what has been uploaded is forgotten with the power."""

    def __init__(
        self,
        flash: McubootFlash,
        *,
        checks_upload: bool = True,
        erases_at_once: bool = False,
        legacy_rc: bool = True,
        erases_pending: bool = False,
        tells_slots: bool = True,
        checks_room: bool = False,
    ) -> None:
        """Compile the group.

        With ``checks_upload`` the hash of the whole is compared at the end; with
        ``erases_at_once`` the first request erases all that the image needs, else each
        sector is erased when it is reached; with ``legacy_rc`` an answer has an ``rc``
        also when all is well; with ``erases_pending`` an image that is to be tried may
        be erased or written over, which real servers do by configuration. Slot info tells
        the sizes of the slots and not of the largest image (Zephyr 4.4); with
        ``checks_room`` an image that leaves no room for the boot loader is refused at
        once, else at its end where it would reach into the trailer (1/12), or not at all.
        """
        self.tells_slots = tells_slots
        self.checks_room = checks_room
        self.erases_pending = erases_pending
        self.flash = flash
        self.checks_upload = checks_upload
        self.erases_at_once = erases_at_once
        self.legacy_rc = legacy_rc
        self.start()

    @override
    def start(self) -> None:
        self._receiving = False
        self._offset = 0
        self._size = 0
        self._sha = b""
        self._block = bytearray()
        self._written = 0
        self._erased: set[int] = set()

    @property
    def offset(self) -> int:
        """How many bytes of an upload have arrived."""
        return self._offset

    @override
    def read(self, command: int, fields: Mapping[str, Any]) -> tuple[Any, float]:
        if command == ImageCommand.STATE:
            return self._state(), 0.0
        if command == ImageCommand.SLOT_INFO and self.tells_slots:
            whole = (self.flash.primary, self.flash.whole_secondary)
            sizes = [slot.sectors * SECTOR for slot in whole]
            slots = [
                {"slot": 0, "size": sizes[0]},
                {"slot": 1, "size": sizes[1], "upload_image_id": 0},
            ]
            return {"images": [{"image": 0, "slots": slots}]}, 0.0
        raise SmpRefusal(Rc.NOT_SUPPORTED)

    @override
    def write(self, command: int, fields: Mapping[str, Any]) -> tuple[Any, float]:
        match command:
            case ImageCommand.STATE:
                return self._set_state(fields)
            case ImageCommand.UPLOAD:
                return self._upload(fields)
            case ImageCommand.ERASE:
                return self._erase(fields)
        raise SmpRefusal(Rc.NOT_SUPPORTED)

    # State.

    def _state(self) -> dict[str, Any]:
        swap = next_swap(self.flash)
        reverting = swap is SwapType.REVERT
        flags = (
            {"active": True, "confirmed": not reverting},
            {
                "pending": swap in {SwapType.TEST, SwapType.PERMANENT},
                "permanent": swap is SwapType.PERMANENT,
                "confirmed": reverting,
            },
        )
        shown = []
        for number, slot in enumerate(self.flash.slots):
            try:
                image = read_slot(slot)
            except NoImage:
                continue
            if image.hash is None:
                continue
            entry = {
                "slot": number,
                "version": image.version_text,
                "hash": image.hash,
                "bootable": not image.flags & ImageFlag.NON_BOOTABLE,
                **dict.fromkeys(("pending", "confirmed", "active", "permanent"), False),
                **flags[number],
            }
            shown.append(entry)
        return {"images": shown, "splitStatus": 0}

    def _image(self, number: int) -> SlotImage | None:
        try:
            return read_slot(self.flash.slots[number])
        except NoImage:
            return None

    def _set_state(self, fields: Mapping[str, Any]) -> tuple[Any, float]:
        wanted = _bytes(fields, "hash")
        confirm = _choice(fields, "confirm")
        slot = self._wanted_slot(wanted, confirm)
        try:
            seconds = self._choose(slot, confirm)
        except BadTrailer as err:
            raise _refused(_INVALID_MAGIC) from err
        return self._state(), seconds

    def _wanted_slot(self, wanted: bytes, confirm: bool) -> int:
        if not wanted and confirm:
            return 0
        if len(wanted) != 32:
            raise _refused(_INVALID_HASH)
        for number in range(2):
            image = self._image(number)
            if image is not None and image.hash == wanted:
                return number
        raise _refused(_HASH_NOT_FOUND)

    def _choose(self, slot: int, confirm: bool) -> float:
        """Choose which image runs after the next start; return seconds."""
        if not confirm and slot == 0:
            raise _refused(_TEST_OF_ACTIVE)
        match next_swap(self.flash):
            case SwapType.TEST:
                if not confirm:
                    return 0.0
                raise _refused(_ALREADY_PENDING)
            case SwapType.PERMANENT:
                if confirm and slot == 1:
                    return 0.0
                raise _refused(_ALREADY_PENDING)
            case SwapType.REVERT:
                if confirm and slot == 1:
                    return 0.0
                if not confirm:
                    raise _refused(_ALREADY_PENDING)
                return set_confirmed(self.flash)
        if slot == 0:
            return 0.0
        return set_pending(self.flash, permanent=confirm)

    # Upload.

    def _upload(self, fields: Mapping[str, Any]) -> tuple[Any, float]:
        request = _Upload.decode(fields)
        try:
            return self._carry_on(request)
        except GroupRefusal:
            # Whatever is refused, the upload that was under way is over.
            self.start()
            raise

    def _carry_on(self, request: _Upload) -> tuple[Any, float]:
        """Take the next piece of an upload, or the first one."""
        offset, data = request.offset, request.data
        if offset is None:
            raise _refused(_INVALID_OFFSET)
        seconds = 0.0
        if offset == 0:
            if self._begin_is_resume(request):
                return self._answer(), 0.0
            if self._begin(request):
                return self._complete(matches=True), 0.0
            if self.erases_at_once:
                seconds += self._erase_for(self._size)
        elif offset != self._offset or not self._receiving:
            return self._answer(), 0.0
        elif offset + len(data) > self._size:
            # A first piece is not asked whether it is longer than the whole.
            raise _refused(_OVERRUN)
        slot = self.flash.secondary
        end = (slot.sectors - TRAILER_SECTORS) * SECTOR
        arrived = offset + len(data)
        if arrived > slot.size or arrived == self._size > end:
            raise _refused(_WRITE_FAILED)
        seconds += self._take(data)
        if self._offset != self._size:
            return self._answer(), seconds
        matches = self._slot_digest(self._size) == self._sha
        return self._complete(matches=matches), seconds

    def _begin_is_resume(self, request: _Upload) -> bool:
        """Check a first request; return whether an upload of the same is under way."""
        if len(request.data) < HEADER.size:
            raise _refused(_INVALID_HEADER)
        if request.size is None:
            raise _refused(_INVALID_LENGTH)
        if int.from_bytes(request.data[:4], "little") != IMAGE_MAGIC:
            raise _refused(_INVALID_MAGIC)
        if len(request.sha) > 32:
            raise _refused(_INVALID_HASH)
        if request.sha and self._receiving and request.sha == self._sha:
            return True
        if self._is_kept():
            raise _refused(_NO_FREE_SLOT)
        room = self.flash.whole_secondary.sectors
        if self.checks_room:
            room -= TRAILER_SECTORS + 1
        if request.size > room * SECTOR:
            raise _refused(_TOO_LARGE)
        if request.upgrade:
            self._require_upgrade(request.data)
        return False

    def _require_upgrade(self, data: bytes) -> None:
        running = self._image(0)
        if running is None:
            raise _refused(_VERSION_UNKNOWN)
        version = HEADER.unpack_from(data)[6:10]
        if running.version >= version:
            raise _refused(_CURRENT_IS_NEWER)

    def _begin(self, request: _Upload) -> bool:
        """Begin an upload; return whether the slot has the same bytes already."""
        self.start()
        self._receiving = True
        self._size = request.size or 0
        self._sha = request.sha
        if self.checks_upload and len(self._sha) == 32:
            return self._slot_digest(self._size) == self._sha
        return False

    def _slot_digest(self, size: int) -> bytes:
        return hashlib.sha256(self.flash.secondary.read(0, size)).digest()

    def _complete(self, *, matches: bool) -> dict[str, Any]:
        """Answer the last request, and forget the upload."""
        self._offset = self._size
        answer = self._answer()
        if self.checks_upload:
            answer["match"] = matches
        self.start()
        return answer

    def _answer(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"rc": Rc.OK} if self.legacy_rc else {}
        return {**answer, "off": self._offset}

    # Flash.

    def _take(self, data: bytes) -> float:
        """Collect data and write whole blocks of it; return seconds."""
        self._block += data
        self._offset += len(data)
        seconds = 0.0
        last = self._offset == self._size
        while len(self._block) >= BLOCK or (last and self._block):
            block = bytes(self._block[:BLOCK])
            del self._block[:BLOCK]
            seconds += self._write(block)
        if last and not self.erases_at_once:
            seconds += self._erase_trailer()
        return seconds

    def _write(self, block: bytes) -> float:
        padding = -len(block) % WORD
        block += bytes([ERASED]) * padding
        seconds = self._erase_sector(self._written // SECTOR)
        seconds += self.flash.secondary.write(self._written, block)
        self._written += len(block)
        return seconds

    def _erase_sector(self, sector: int) -> float:
        if sector in self._erased:
            return 0.0
        self._erased.add(sector)
        return self.flash.secondary.erase(sector)

    def _erase_trailer(self) -> float:
        slot = self.flash.secondary
        return sum(
            self._erase_sector(slot.sectors - 1 - number)
            for number in range(TRAILER_SECTORS)
        )

    def _erase_for(self, size: int) -> float:
        sectors = range(-(-size // SECTOR))
        seconds = sum(self._erase_sector(sector) for sector in sectors)
        return seconds + self._erase_trailer()

    def _is_kept(self) -> bool:
        """Return whether what is in slot 1 may not be written over now."""
        swap = next_swap(self.flash)
        return swap is not SwapType.NONE and not (
            self.erases_pending and swap is SwapType.TEST
        )

    def _erase(self, fields: Mapping[str, Any]) -> tuple[Any, float]:
        slot = _number(fields, "slot", 1)
        if slot not in range(_SLOTS):
            raise _refused(_INVALID_SLOT)
        if slot == 0 or (self._is_kept() and self._image(1) is not None):
            raise _refused(_NO_FREE_SLOT)
        self.start()
        secondary = self.flash.secondary
        seconds = sum(secondary.erase(sector) for sector in range(secondary.sectors))
        return ({"rc": Rc.OK} if self.legacy_rc else {}), seconds
