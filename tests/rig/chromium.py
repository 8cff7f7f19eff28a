"""The system's Chromium, as tests and pictures start it."""

import shutil
from typing import Final

FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--no-first-run",
]


class NoChromiumError(Exception):
    """There is none on this machine."""


def chromium_path() -> str:
    """Return where it is."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise NoChromiumError("Chromium is needed for this")
    return path
