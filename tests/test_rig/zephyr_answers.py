"""What Zephyr's SMP server has answered to raw requests, and where the rig's differs.

Recorded of Zephyr 4.4 with MCUboot (swap using offset, two slots of 106,496 bytes),
request by request in this order. Where the rig gives another answer, the row has that
too, and why it stays.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.rig.smp_server import Group, ImageCommand, Operation, OsCommand

SLOT_SECTORS = 26
"""Of 4,096 bytes."""
IMAGE_SIZE = 49_692
SERVER: dict[str, Any] = {
    "buffer_size": 260,
    "buffer_count": 4,
    "tells_bootloader": False,
    "checks_upload": False,
    "erases_at_once": True,
    "erases_pending": True,
    "legacy_rc": False,
}
"""How the recorded server was compiled, in the rig's words."""
TRANSLATED = {
    8: 1,
    9: 6,
    10: 3,
    20: 3,
    21: 3,
    22: 3,
    23: 1,
    24: 3,
    27: 6,
    28: 6,
    30: 1,
    33: 1,
}
"""What the first version of the protocol says for a code of the image group; read in
img_mgmt.c, of which one (8) was recorded as well."""


class Image(Enum):
    """The images; in a request or an answer one stands for its hash."""

    OLD = "0.0.0"
    NEW = "1.1.0"
    OTHER = "1.2.0"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an image's file, for a request."""

    image: Image
    size: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class Sha(Piece):
    """The SHA-256 of an image's file; the rest is of no account."""

    size: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what it was answered."""

    name: str
    operation: Operation
    group: int
    command: int
    fields: Any
    answer: Any
    version: int | None = None
    """The version that it is sent in, whichever is spoken."""
    ours: Any = None
    because: str = ""
    restarts: bool = False
    uploads: Image | None = None
    """The image all of which is sent."""


_OTHER_COMMANDS = "a lock is built without task statistics and without OS info"


def _entry(slot: int, image: Image, marks: str) -> dict[str, Any]:
    return {
        "slot": slot,
        "version": image.value,
        "hash": image,
        "bootable": True,
        **{
            mark: mark in marks.split()
            for mark in ("pending", "confirmed", "active", "permanent")
        },
    }


def _states(first: tuple[Image, str], *second: tuple[Image, str]) -> dict[str, Any]:
    slots = enumerate((first, *second))
    return {"images": [_entry(slot, *shown) for slot, shown in slots], "splitStatus": 0}


def _err(rc: int) -> dict[str, Any]:
    return {"err": {"group": 1, "rc": rc}}


def _rc(rc: int) -> dict[str, Any]:
    return {"rc": rc}


def _os(
    name: str, write: bool, command: int, fields: Any, answer: Any, **more: Any
) -> Asked:
    operation = Operation.WRITE if write else Operation.READ
    return Asked(name, operation, Group.OS, command, fields, answer, **more)


def _image(
    name: str, write: bool, command: int, fields: Any, answer: Any, **more: Any
) -> Asked:
    operation = Operation.WRITE if write else Operation.READ
    return Asked(name, operation, Group.IMAGE, command, fields, answer, **more)


def _state(answer: Any, name: str = "state", fields: Any = None, **more: Any) -> Asked:
    fields = {} if fields is None else fields
    return _image(name, False, ImageCommand.STATE, fields, answer, **more)


def _choose(name: str, fields: Any, answer: Any, **more: Any) -> Asked:
    return _image(name, True, ImageCommand.STATE, fields, answer, **more)


def _upload(name: str, answer: Any, **fields: Any) -> Asked:
    return _image(name, True, ImageCommand.UPLOAD, fields, answer)


def _erase(name: str, answer: Any, **fields: Any) -> Asked:
    return _image(name, True, ImageCommand.ERASE, fields, answer)


def _reset(name: str = "RESET", **fields: Any) -> Asked:
    return _os(name, True, OsCommand.RESET, fields, {}, restarts=True)


def _whole(image: Image) -> Asked:
    return _image(
        f"UPLOAD {image.name}",
        True,
        ImageCommand.UPLOAD,
        {},
        {"off": IMAGE_SIZE},
        uploads=image,
    )


_BAD_CBOR = b"\xff"
_OLD, _NEW, _OTHER = Image
_ALONE = _states((_OLD, "active confirmed"))
_BESIDE = _states((_OLD, "active confirmed"), (_NEW, ""))
_PENDING = _states((_OLD, "active confirmed"), (_NEW, "pending"))
_TRIAL = _states((_NEW, "active"), (_OLD, "confirmed"))
_KEPT = _states((_NEW, "active confirmed"))
_TO_STAY = _states((_NEW, "active confirmed"), (_OTHER, "pending permanent"))
_STAYED = _states((_OTHER, "active confirmed"))
_FIRST: dict[str, Any] = {"off": 0, "data": Piece(_NEW, 150), "len": IMAGE_SIZE}
_FIRST_OF_NEW: dict[str, Any] = {**_FIRST, "sha": Sha(_NEW)}
_SHORT: dict[str, Any] = {**_FIRST, "data": Piece(_NEW, 64)}


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}


TABLE: tuple[Asked, ...] = (
    _os(
        "params",
        False,
        OsCommand.PARAMETERS,
        {},
        {"buf_size": 260, "buf_count": 4},
    ),
    _os(
        "params v1",
        False,
        OsCommand.PARAMETERS,
        {},
        {"buf_size": 260, "buf_count": 4},
        version=0,
    ),
    _os("bootinfo", False, OsCommand.BOOTLOADER, {}, _rc(8)),
    _os("bootinfo mode", False, OsCommand.BOOTLOADER, {"query": "mode"}, _rc(8)),
    _os("bootinfo foo", False, OsCommand.BOOTLOADER, {"query": "foo"}, _rc(8)),
    _os("echo w", True, OsCommand.ECHO, {"d": "hi"}, {"r": "hi"}),
    _os("echo r", False, OsCommand.ECHO, {"d": "hi"}, {"r": "hi"}),
    _os("echo none", True, OsCommand.ECHO, {}, {"r": ""}),
    _os(
        "taskstat",
        False,
        2,
        {},
        {
            "tasks": {
                "3": {"prio": 3, "tid": 0, "state": 128},
                "-1": {"prio": -1, "tid": 1, "state": 2},
                "14": {"prio": 14, "tid": 2, "state": 2},
                "15": {"prio": 15, "tid": 3, "state": 0},
                "0": {"prio": 0, "tid": 4, "state": 4},
            }
        },
        ours=_rc(8),
        because=_OTHER_COMMANDS,
    ),
    _os("os cmd 60", False, 60, {}, _rc(8)),
    _os(
        "os info",
        False,
        7,
        {},
        {"output": "Zephyr"},
        ours=_rc(8),
        because=_OTHER_COMMANDS,
    ),
    Asked("group 9", Operation.READ, 9, 0, {}, _rc(8)),
    Asked("group 9 v1", Operation.READ, 9, 0, {}, _rc(8), version=0),
    _image("img cmd 77", False, 77, {}, _rc(8)),
    _image("read upload", False, ImageCommand.UPLOAD, {}, _rc(8)),
    _image("read erase", False, ImageCommand.ERASE, {}, _rc(8)),
    _os("write params", True, OsCommand.PARAMETERS, {}, _rc(8)),
    _os("read reset", False, OsCommand.RESET, {}, _rc(8)),
    _image(
        "slotinfo",
        False,
        ImageCommand.SLOT_INFO,
        {},
        {
            "images": [
                {
                    "image": 0,
                    "slots": [
                        {"slot": 0, "size": 106496},
                        {"slot": 1, "size": 106496, "upload_image_id": 0},
                    ],
                }
            ]
        },
    ),
    _state(_ALONE),
    _state(_ALONE, "state v1", version=0),
    _state(_rc(13), "state ver2", version=2),
    _state(_rc(13), "state ver3", version=3),
    _state(_ALONE, "state empty payload", b""),
    _state(_ALONE, "state bad cbor", _BAD_CBOR),
    _choose("write state bad cbor", _BAD_CBOR, _rc(3)),
    _choose("write state list", [1], _rc(3)),
    _choose("test unknown", {"hash": bytes(32), "confirm": False}, _err(8)),
    _choose(
        "test unknown v1", {"hash": bytes(32), "confirm": False}, _err(8), version=0
    ),
    _choose("test no confirm field unknown", {"hash": bytes(32)}, _err(8)),
    _choose("test short hash", {"hash": bytes(31), "confirm": False}, _err(24)),
    _choose("test none", {"confirm": False}, _err(24)),
    _choose("test empty hash", {"hash": b"", "confirm": False}, _err(24)),
    _choose("test hash as text", {"hash": "x" * 32, "confirm": False}, _rc(3)),
    _choose("test active", {"hash": _OLD, "confirm": False}, _err(33)),
    _choose("confirm nothing to", {"confirm": True}, _ALONE),
    _choose("confirm active by hash", {"hash": _OLD, "confirm": True}, _ALONE),
    # Uploads that are begun, and not.
    _upload("upload no off", _err(20), **_without(_FIRST, "off")),
    _upload("upload off 7 not begun", {"off": 0}, off=7, data=Piece(_NEW, 64, 7)),
    _upload("upload short", _err(22), **{**_FIRST, "data": Piece(_NEW, 10)}),
    _upload("upload bad magic", _err(23), **{**_FIRST, "data": bytes(64)}),
    _upload("upload no len", _err(21), **_without(_FIRST, "len")),
    _upload("upload len text", _rc(3), **{**_FIRST, "len": "7"}),
    _upload("upload no data", _err(22), **_without(_FIRST, "data")),
    _upload("upload len 0", {"off": 64}, **{**_SHORT, "len": 0}),
    _upload("upload sha 33", _err(24), **_SHORT, sha=bytes(33)),
    _upload("upload too large", _err(30), **{**_SHORT, "len": 106496 + 1}),
    _upload("upload huge len 2^32+5", _rc(3), **{**_SHORT, "len": 2**32 + 5}),
    _upload("upload image 5", {"off": 64}, **_SHORT, image=5),
    _upload(
        "upload upgrade older/same",
        _err(27),
        **{**_SHORT, "data": Piece(_OLD, 64)},
        upgrade=True,
    ),
    _upload("upload overrun", {"off": 150}, **{**_FIRST, "len": 100}),
    _upload("upload first ok", {"off": 150}, **_FIRST_OF_NEW),
    _upload("same first again (resume)", {"off": 150}, **_FIRST_OF_NEW),
    _upload("same first no sha", {"off": 150}, **_FIRST),
    _upload("then off 150 empty data", {"off": 150}, off=150, data=b""),
    _upload("then off 150 without data", {"off": 150}, off=150),
    _upload("then off 999", {"off": 150}, off=999, data=Piece(_NEW, 64, 999)),
    _upload("then off 150 3 bytes", {"off": 153}, off=150, data=Piece(_NEW, 3, 150)),
    _upload(
        "then off 150 9 bytes again", {"off": 153}, off=150, data=Piece(_NEW, 9, 150)
    ),
    _upload(
        "other upload begins in the midst",
        {"off": 150},
        off=0,
        data=Piece(_OTHER, 150),
        len=IMAGE_SIZE,
        sha=Sha(_OTHER),
    ),
    _state(_ALONE, "state in the midst"),
    _erase("erase in the midst", {}),
    _upload("off 150 after erase", {"off": 0}, off=150, data=Piece(_OTHER, 64, 150)),
    _erase("erase slot 0", _err(9), slot=0),
    _erase("erase slot 7", _err(10), slot=7),
    _erase("erase slot 1", {}, slot=1),
    # A trial, and back.
    _whole(_NEW),
    _state(_BESIDE),
    _upload("last again: first of same", {"off": 150}, **_FIRST_OF_NEW),
    _state(_ALONE, "state after first of same"),
    _whole(_NEW),
    _choose("test NEW", {"hash": _NEW, "confirm": False}, _PENDING),
    _choose("test NEW again", {"hash": _NEW, "confirm": False}, _PENDING),
    _choose("confirm while pending", {"confirm": True}, _err(28)),
    _choose("confirm NEW pending", {"hash": _NEW, "confirm": True}, _err(28)),
    _choose("test OLD while pending", {"hash": _OLD, "confirm": False}, _err(33)),
    _reset(),
    _state(_TRIAL, "state on trial"),
    _choose("test NEW on trial", {"hash": _NEW, "confirm": False}, _err(33)),
    _choose("test OLD on trial", {"hash": _OLD, "confirm": False}, _err(28)),
    _choose("confirm OLD on trial", {"hash": _OLD, "confirm": True}, _TRIAL),
    _upload(
        "upload on trial",
        _err(9),
        off=0,
        data=Piece(_OTHER, 150),
        len=IMAGE_SIZE,
        sha=Sha(_OTHER),
    ),
    _erase("erase on trial", _err(9)),
    _state(_TRIAL, "state on trial still"),
    _reset("RESET (revert)"),
    _state(_BESIDE, "state reverted"),
    _choose("test NEW as it lies there", {"hash": _NEW, "confirm": False}, _PENDING),
    _reset(),
    _state(_TRIAL, "state after that"),
    _reset(),
    _state(_BESIDE, "state after one more"),
    # A trial that is passed.
    _whole(_NEW),
    _choose("test NEW", {"hash": _NEW, "confirm": False}, _PENDING),
    _reset(),
    _state(_TRIAL, "state trial"),
    _choose("confirm NEW by hash", {"hash": _NEW, "confirm": True}, _KEPT),
    _choose("confirm again", {"confirm": True}, _KEPT),
    _state(_KEPT),
    _choose("test OLD that lies there", {"hash": _OLD, "confirm": False}, _err(8)),
    _reset(),
    _state(_KEPT),
    # No trial.
    _whole(_OTHER),
    _choose("confirm OTHER untried", {"hash": _OTHER, "confirm": True}, _TO_STAY),
    _choose("confirm OTHER untried again", {"hash": _OTHER, "confirm": True}, _TO_STAY),
    _choose("test OTHER now", {"hash": _OTHER, "confirm": False}, _err(28)),
    _reset(),
    _state(_STAYED),
    # What is pending is written over, and erased.
    _whole(_NEW),
    _choose(
        "test NEW",
        {"hash": _NEW, "confirm": False},
        _states((_OTHER, "active confirmed"), (_NEW, "pending")),
    ),
    _upload("upload while pending", {"off": 150}, **_FIRST_OF_NEW),
    _state(_STAYED),
    _erase("erase while pending", {}),
    _state(_STAYED),
    _reset("reset force", force=1),
)
