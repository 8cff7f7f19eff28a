"""One artifact in one file: encrypted in chunks, bound to what it is."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from .kept import Kept
from .keys import HouseholdKey


def write_blob(
    target: BinaryIO, key: HouseholdKey, kept: Kept, chunks: Iterable[bytes]
) -> None:
    """Seal an artifact; the chunks may have any sizes."""
    raise NotImplementedError


def read_about(source: BinaryIO, key: HouseholdKey) -> Kept:
    """Return what a blob is, without reading the artifact."""
    raise NotImplementedError


def read_blob(source: BinaryIO, key: HouseholdKey) -> Iterator[bytes]:
    """Yield the artifact; only when it has ended without an error is it whole."""
    raise NotImplementedError
