"""Swap using offset: what is shown of the slots is what Zephyr 4.4 showed under QEMU."""

from collections.abc import Mapping
import hashlib
from typing import Any

import pytest

from tests.rig.mcuboot_check import read_slot
from tests.rig.mcuboot_flash import SECTOR
from tests.rig.mcuboot_offset import OffsetBootloader
from tests.rig.mcuboot_trailer import TRAILER_SECTORS
from tests.rig.smp_images import SmpImages
from tests.rig.smp_messages import GroupRefusal, ImageCommand

from .mcuboot import NEW, OLD, SECTORS, Board, image_of

OTHER = "1.2.0"
_FLAGS = ("active", "confirmed", "pending", "permanent")


class Server:
    """The image group of an application on a board."""

    def __init__(self, **options: Any) -> None:
        """Build it with its boot loader."""
        self.board = Board(boot_loader=OffsetBootloader)
        self.images = SmpImages(self.board.seen, **options)
        self.restart()

    def restart(self) -> None:
        """Restart."""
        assert self.board.boot() is not None
        self.images.start()

    def ask(self, command: int, **fields: Any) -> Mapping[str, Any]:
        """Write something, and return the answer."""
        answer: Mapping[str, Any] = self.images.write(command, fields)[0]
        return answer

    def refusal(self, command: int, **fields: Any) -> int:
        """Write what must be refused, and return the group's code."""
        with pytest.raises(GroupRefusal) as caught:
            self.ask(command, **fields)
        return caught.value.rc

    def upload(self, image: bytes) -> None:
        """Bring an image."""
        for offset in range(0, len(image), 500):
            first = {} if offset else {"len": len(image), "sha": digest(image)}
            data = image[offset : offset + 500]
            self.ask(ImageCommand.UPLOAD, off=offset, data=data, **first)

    def shown(self) -> list[str]:
        """Return what is shown of the slots, as words."""
        return [
            " ".join(
                [str(slot["slot"]), slot["version"]]
                + [flag for flag in _FLAGS if slot[flag]]
            )
            for slot in self.images._state()["images"]
        ]


def digest(image: bytes) -> bytes:
    """Return what an upload is told by."""
    return hashlib.sha256(image).digest()


def named(version: str) -> bytes:
    """Return what an image is chosen by."""
    board = Board(image_of(version))
    found = read_slot(board.flash.primary).hash
    assert found is not None
    return found


def test_the_slots_are_shown_as_a_real_one_shows_them() -> None:
    """Both on trial and after going back; slot 0 alone once it was confirmed."""
    server = Server()
    assert server.shown() == [f"0 {OLD} active confirmed"]
    server.upload(image_of(NEW))
    waiting = [f"0 {OLD} active confirmed", f"1 {NEW}"]
    assert server.shown() == waiting
    for _ in range(2):
        server.ask(ImageCommand.STATE, hash=named(NEW))
        assert server.shown() == [waiting[0], f"1 {NEW} pending"]
    server.restart()
    trial = [f"0 {NEW} active", f"1 {OLD} confirmed"]
    assert server.shown() == trial
    assert server.refusal(ImageCommand.STATE, hash=named(OLD)) == 28
    assert server.refusal(ImageCommand.ERASE) == 9
    first = image_of(OTHER)[:100]
    begin = {"off": 0, "data": first, "len": 6000, "sha": digest(first)}
    assert server.refusal(ImageCommand.UPLOAD, **begin) == 9
    assert server.shown() == trial
    server.restart()
    assert server.shown() == waiting
    # It can be tried again as it lies there.
    server.ask(ImageCommand.STATE, hash=named(NEW))
    server.restart()
    assert server.shown() == trial
    server.ask(ImageCommand.STATE, confirm=True)
    assert server.shown() == [f"0 {NEW} active confirmed"]
    assert server.refusal(ImageCommand.STATE, hash=named(OLD)) == 8
    server.restart()
    assert server.shown() == [f"0 {NEW} active confirmed"]
    server.upload(image_of(OTHER))
    server.ask(ImageCommand.STATE, hash=named(OTHER), confirm=True)
    assert server.shown()[1] == f"1 {OTHER} pending permanent"
    server.restart()
    assert server.shown() == [f"0 {OTHER} active confirmed"]


@pytest.mark.parametrize("erases_pending", [True, False])
def test_what_waits_may_be_written_over_by_configuration(erases_pending: bool) -> None:
    """Then the mark is lost; else it is refused."""
    server = Server(erases_pending=erases_pending)
    server.upload(image_of(NEW))
    server.ask(ImageCommand.STATE, hash=named(NEW))
    first = image_of(OTHER)[:100]
    begin = {"off": 0, "data": first, "len": len(image_of(OTHER))}
    if erases_pending:
        assert server.ask(ImageCommand.UPLOAD, **begin)["off"] == 100
        server.ask(ImageCommand.ERASE)
        assert server.shown() == [f"0 {OLD} active confirmed"]
    else:
        assert server.refusal(ImageCommand.UPLOAD, **begin) == 9
        assert server.refusal(ImageCommand.ERASE) == 9
        assert server.shown()[1] == f"1 {NEW} pending"


def test_sizes_are_told_of_the_whole_slot_and_found_too_large_late() -> None:
    """The sector that stays free is not subtracted from what is told."""
    server = Server()
    (told,) = server.images.read(ImageCommand.SLOT_INFO, {})[0]["images"]
    assert [slot["size"] for slot in told["slots"]] == [SECTORS * SECTOR] * 2
    room = (SECTORS - 1 - TRAILER_SECTORS) * SECTOR
    image = image_of(NEW, room)
    assert room < len(image) < SECTORS * SECTOR
    with pytest.raises(GroupRefusal) as caught:
        server.upload(image)
    assert caught.value.rc == 12
    assert server.images.offset == 0
    huge = {"off": 0, "data": image[:100], "len": SECTORS * SECTOR + 1}
    assert server.refusal(ImageCommand.UPLOAD, **huge) == 30
    server.restart()
    assert server.shown() == [f"0 {OLD} active confirmed"]
