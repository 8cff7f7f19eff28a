"""Files that are something else, recognised so that people are told what they picked."""

import codecs
import re
from typing import Final

from ..errors import FirmwareError, FirmwareProblem
from ..phrase import Phrase

# Of makers whose apps take them off before a lock gets the rest.
_OWN_HEADERS: Final = (b"\x55\xdf\xbf\x01",)
# Within so many bytes a zip begins, if something was only put in front of it.
_LONGEST_HEADER = 64
_ZIP = b"PK\x03\x04"

_HEX = re.compile(rb":[0-9A-Fa-f]{10}")
_OTHER_ARCHIVE = Phrase("it is an archive of another kind than zip")
# How files begin, as far as people have them beside firmware.
_BEGINNINGS: Final = (
    (b"UF2\n", Phrase("it is a UF2 file, which is for a programmer on a cable")),
    (b"\x7fELF", Phrase("it is an ELF file, which is for a programmer on a cable")),
    (b"%PDF", Phrase("it is a PDF")),
    (b"7z\xbc\xaf\x27\x1c", _OTHER_ARCHIVE),
    (b"Rar!", _OTHER_ARCHIVE),
    (b"\x1f\x8b", _OTHER_ARCHIVE),
)
_SEEN = 4096


def has_own_header(data: bytes) -> bool:
    """Return whether a maker has put a header of its own in front of something."""
    return data.startswith(_OWN_HEADERS)


def foreign(data: bytes) -> FirmwareError:
    """Return the error for a file that begins as no format that is sent."""
    if has_own_header(data) or _ZIP in data[:_LONGEST_HEADER]:
        return FirmwareError(FirmwareProblem.OWN_HEADER)
    return FirmwareError(FirmwareProblem.NOT_A_PACKAGE, detail=_kind(data))


def _kind(data: bytes) -> Phrase:
    if not data:
        return Phrase("it is empty")
    if _HEX.match(data):
        return Phrase("it is a hex file, which is for a programmer on a cable")
    for beginning, kind in _BEGINNINGS:
        if data.startswith(beginning):
            return kind
    if _is_text(data[:_SEEN]):
        page = data.lstrip().lower().startswith((b"<!doctype html", b"<html"))
        return Phrase("it is a web page") if page else Phrase("it is a text")
    return Phrase("it is a binary without the header of an image of MCUboot")


def _is_text(start: bytes) -> bool:
    # The last character may be cut off.
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        text = decoder.decode(start, final=len(start) < _SEEN)
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char.isspace() for char in text)
