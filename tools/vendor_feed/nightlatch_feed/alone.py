"""One at a time in a folder: two that publish at once would mix what they write."""

from collections.abc import Iterator
from contextlib import contextmanager
import os
from pathlib import Path
import sys
import time
from typing import Final

from .problem import FeedToolError

_PATIENCE: Final = 10.0
"""Seconds. A machine that renews is done sooner; a person who types may not be."""
_PAUSE: Final = 0.1


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a folder to oneself; raise ``FeedToolError`` where somebody else has it.

    The system lets go of it, however the command ends; nothing is left in the folder.
    """
    if sys.platform == "win32" or not folder.is_dir():
        # What is not there yet nobody works in; Windows locks no folders.
        yield
        return
    import fcntl  # noqa: PLC0415

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as err:
                if time.monotonic() >= deadline:
                    raise FeedToolError(
                        f"Another nightlatch-feed is at work in {folder}. Nothing was"
                        " changed; try again when it has ended."
                    ) from err
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(descriptor)
