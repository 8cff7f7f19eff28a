"""The rig's SMP server gives the answers of Zephyr's, in both versions of the protocol."""

from functools import cache
import hashlib
from typing import Any

import pytest

from tests.rig.image import make_image
from tests.rig.mcuboot_image import image_hash, make_mcuboot_image
from tests.rig.mcuboot_offset import OffsetBootloader
from tests.rig.smp_server import Group, ImageCommand, Operation
from tests.rig.virtual_time import virtual_time

from .mcuboot import KEY, Board
from .smp_desk import Desk, raw
from .zephyr_answers import (
    IMAGE_SIZE,
    SERVER,
    SLOT_SECTORS,
    TABLE,
    TRANSLATED,
    Asked,
    Image,
    Piece,
    Sha,
)

_PADDING_TLV = 0xA0
_FIRST_PIECE = 150
_PIECE = 200


@cache
def _file(image: Image) -> bytes:
    """Return the file of an image, which is as long as the recorded one."""

    def make(*padding: tuple[int, bytes]) -> bytes:
        firmware = make_image(image.value, IMAGE_SIZE // 4 * 4 - 1024, 1)
        return make_mcuboot_image(
            firmware, key=KEY, version=image.value, tlvs_last=padding
        )

    short = IMAGE_SIZE - len(make((_PADDING_TLV, b"")))
    made = make((_PADDING_TLV, bytes(short)))
    assert len(made) == IMAGE_SIZE
    return made


def _filled(value: Any) -> Any:
    """Return a request or an answer with the bytes of the images in it."""
    match value:
        case Image():
            return image_hash(_file(value))
        case Sha():
            return hashlib.sha256(_file(value.image)).digest()
        case Piece():
            return _file(value.image)[value.start : value.start + value.size]
        case dict():
            return {key: _filled(inner) for key, inner in value.items()}
        case list():
            return [_filled(inner) for inner in value]
    return value


def _spoken(answer: Any, version: int) -> Any:
    """Return an answer as a version of the protocol has it."""
    if version or "err" not in answer:
        return answer
    return {"rc": TRANSLATED[answer["err"]["rc"]]}


class _Lock:
    """A lock that is built like the recorded one, and a client of a version."""

    def __init__(self, version: int) -> None:
        """Start it."""
        board = Board(
            _file(Image.OLD), boot_loader=OffsetBootloader, sectors=SLOT_SECTORS
        )
        self.desk = Desk(board=board, **SERVER)
        self._version = version

    def version_of(self, asked: Asked) -> int:
        """Return the version that a request is sent in."""
        return self._version if asked.version is None else asked.version

    async def answer(self, asked: Asked) -> Any:
        """Send a request; return operation, version and fields of its answer."""
        if asked.uploads is not None:
            return await self._upload(asked.uploads)
        told = await self._send(
            asked.operation,
            asked.group,
            asked.command,
            _filled(asked.fields),
            self.version_of(asked),
        )
        if asked.restarts:
            self.desk.server.stop()
            self.desk.board.boot()
            self.desk.server.start(self.desk)
        return told

    async def _upload(self, image: Image) -> Any:
        whole = _file(image)
        fields: dict[str, Any] = {
            "off": 0,
            "data": whole[:_FIRST_PIECE],
            "len": len(whole),
            "sha": hashlib.sha256(whole).digest(),
        }
        while True:
            told = await self._send(
                Operation.WRITE, Group.IMAGE, ImageCommand.UPLOAD, fields, self._version
            )
            offset = told[2].get("off", len(whole))
            if offset >= len(whole):
                return told
            fields = {"off": offset, "data": whole[offset : offset + _PIECE]}

    async def _send(self, *request: Any) -> Any:
        *what, version = request
        self.desk.send(raw(*what, version=version))
        ((header, fields),) = await self.desk.frames()
        return header[0] & 7, header[0] >> 3, fields


@virtual_time
@pytest.mark.parametrize("version", [1, 0], ids=["version 2", "version 1"])
async def test_each_request_is_answered_as_zephyr_answers_it(version: int) -> None:
    """Request by request, in the order of the record; the known differences stay so."""
    lock = _Lock(version)
    wrong = []
    for asked in TABLE:
        spoken = min(lock.version_of(asked), 1)
        expected = asked.answer if asked.ours is None else asked.ours
        told = await lock.answer(asked)
        wanted = (asked.operation + 1, spoken, _spoken(_filled(expected), spoken))
        if told != wanted:
            wrong.append((asked.name, told, wanted))
    assert wrong == []


def test_each_difference_is_one_and_has_its_reason() -> None:
    """What is the same by now is to be struck off."""
    differing = [asked for asked in TABLE if asked.ours is not None]
    assert all(asked.ours != asked.answer and asked.because for asked in differing)
    assert len(differing) == 2
