"""Requests and answers of SMP, as the server of the rig knows them.

Zephyr's subsys/mgmt/mcumgr: smp/src/smp.c; docs: SMP Protocol Specification.
"""

from dataclasses import dataclass
from enum import IntEnum
import struct
from typing import Any

import cbor2

HEADER = struct.Struct(">BBHHBB")
"""Operation and version, flags, length of the rest, group, sequence, command."""


class Operation(IntEnum):
    """The lowest three bits of a header."""

    READ = 0
    READ_ANSWER = 1
    WRITE = 2
    WRITE_ANSWER = 3


class Group(IntEnum):
    """Groups of commands."""

    OS = 0
    IMAGE = 1


class OsCommand(IntEnum):
    """Commands of the OS group."""

    ECHO = 0
    RESET = 5
    PARAMETERS = 6
    BOOTLOADER = 8


class ImageCommand(IntEnum):
    """Commands of the image group."""

    STATE = 0
    UPLOAD = 1
    ERASE = 5
    SLOT_INFO = 6


class Rc(IntEnum):
    """Result codes of every group; zephyr/mgmt/mcumgr/mgmt/mgmt_defines.h."""

    OK = 0
    UNKNOWN = 1
    NO_MEMORY = 2
    INVALID = 3
    NO_ENTRY = 5
    BAD_STATE = 6
    NOT_SUPPORTED = 8
    CORRUPT = 9
    BUSY = 10
    TOO_NEW = 13


class SmpRefusal(Exception):
    """A request is not carried out, for a reason of the protocol."""

    def __init__(self, rc: Rc) -> None:
        """Keep the result code."""
        self.rc = rc
        super().__init__(rc.name)


class GroupRefusal(Exception):
    """A request is not carried out, for a reason of its group."""

    def __init__(self, group: Group, rc: int, translated: Rc) -> None:
        """Keep the group's code, and what the first version of the protocol says."""
        self.group = group
        self.rc = rc
        self.translated = translated
        super().__init__(f"{group.name} {rc}")


@dataclass(frozen=True, slots=True)
class SmpRequest:
    """A request that has arrived as a whole."""

    operation: int
    version: int
    group: int
    sequence: int
    command: int
    payload: bytes


def decode(packet: bytes) -> SmpRequest | None:
    """Return the request in a packet; None for what is none."""
    if len(packet) < HEADER.size:
        return None
    first, _, length, group, sequence, command = HEADER.unpack_from(packet)
    payload = packet[HEADER.size :]
    operation = first & 7
    if len(payload) != length or operation not in {Operation.READ, Operation.WRITE}:
        return None
    return SmpRequest(operation, first >> 3 & 3, group, sequence, command, payload)


def encode(request: SmpRequest, fields: Any, version: int) -> bytes:
    """Return the answer to a request."""
    payload = cbor2.dumps(fields)
    first = request.operation + 1 | version << 3
    return (
        HEADER.pack(
            first, 0, len(payload), request.group, request.sequence, request.command
        )
        + payload
    )
