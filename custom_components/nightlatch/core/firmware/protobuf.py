"""Read protobuf messages of a known shape, and nothing else.

The usual readers skip what they do not know, let the last of two values win and cut
numbers to size. What a bootloader would do with such a message is anybody's guess, so
here a message that leaves room for guessing is refused. Nothing is ever re-encoded: the
parts of a message are offsets into the bytes as they were received, because that is
what signatures are made over. The encoding is that of
https://protobuf.dev/programming-guides/encoding/.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import FirmwareError, FirmwareProblem
from ..phrase import Phrase

_VARINT = 0
_LENGTH_DELIMITED = 2
_MAX_VARINT_BYTES = 10
_MAX_NUMBER = 0xFFFF_FFFF


class Span(NamedTuple):
    """A part of the received bytes: ``data[start:end]``."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields that a message may have, by field number."""

    name: str
    numbers: Mapping[int, str] = field(default_factory=dict)
    """uint32, enum and bool fields."""
    parts: Mapping[int, str] = field(default_factory=dict)
    """Messages, bytes and packed numbers."""
    repeated: frozenset[str] = frozenset()
    """Those of ``parts`` that may come more than once."""


@dataclass(frozen=True, slots=True)
class Message:
    """The fields that a message has, by name."""

    name: str
    numbers: Mapping[str, int]
    parts: Mapping[str, list[Span]]

    def number(self, name: str) -> int:
        """Return a number that has to be there."""
        if name not in self.numbers:
            raise invalid("{message} has no {field}", message=self.name, field=name)
        return self.numbers[name]

    def part(self, name: str) -> Span:
        """Return a part that has to be there."""
        if name not in self.parts:
            raise invalid("{message} has no {field}", message=self.name, field=name)
        return self.parts[name][0]


def read_message(data: bytes, span: Span, schema: Schema) -> Message:
    """Read one message; raise ``FirmwareError`` INIT_PACKET_INVALID if it is not strict.

    Refused are fields that the schema does not know or knows with another wire type,
    a second value for a field, varints that are longer than they need be or exceed 32
    bits, and lengths that reach beyond ``span``.
    """
    numbers: dict[str, int] = {}
    parts: dict[str, list[Span]] = {}
    position = span.start
    while position < span.end:
        tag, position = _read_varint(data, position, span.end, schema.name)
        number, wire_type = tag >> 3, tag & 0x07
        if wire_type == _VARINT and number in schema.numbers:
            name = schema.numbers[number]
            value, position = _read_varint(data, position, span.end, schema.name)
            if name in numbers:
                raise invalid(
                    "{message} has two values for {field}",
                    message=schema.name,
                    field=name,
                )
            numbers[name] = value
        elif wire_type == _LENGTH_DELIMITED and number in schema.parts:
            name = schema.parts[number]
            length, position = _read_varint(data, position, span.end, schema.name)
            if length > span.end - position:
                raise invalid(
                    "{field} reaches beyond {message}", message=schema.name, field=name
                )
            if name in parts and name not in schema.repeated:
                raise invalid(
                    "{message} has two values for {field}",
                    message=schema.name,
                    field=name,
                )
            parts.setdefault(name, []).append(Span(position, position + length))
            position += length
        else:
            raise invalid(
                "{message} has an unknown field {number} of wire type {wire_type}",
                message=schema.name,
                number=number,
                wire_type=wire_type,
            )
    return Message(schema.name, numbers, parts)


def read_packed_numbers(data: bytes, span: Span, name: str) -> list[int]:
    """Read a packed field of numbers; raise as ``read_message`` does."""
    numbers: list[int] = []
    position = span.start
    while position < span.end:
        number, position = _read_varint(data, position, span.end, name)
        numbers.append(number)
    return numbers


def _read_varint(data: bytes, start: int, end: int, where: str) -> tuple[int, int]:
    """Return a number and the position after it."""
    value = 0
    for index in range(_MAX_VARINT_BYTES):
        position = start + index
        if position >= end:
            raise invalid("{message} ends within a number", message=where)
        byte = data[position]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            break
    else:
        raise invalid(
            "{message} has a number of more than {maximum} bytes",
            message=where,
            maximum=_MAX_VARINT_BYTES,
        )
    if value > _MAX_NUMBER:
        raise invalid("{message} has a number of more than 32 bits", message=where)
    if byte == 0 and index:
        raise invalid("{message} has a number with needless bytes", message=where)
    return value, position + 1


def invalid(template: str, **values: object) -> FirmwareError:
    """Return the error for an init packet that is not as it must be."""
    detail = Phrase(template, **values)
    return FirmwareError(FirmwareProblem.INIT_PACKET_INVALID, detail=detail)
