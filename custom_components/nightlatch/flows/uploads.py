"""Files that a person has uploaded to a form."""

from dataclasses import dataclass

from homeassistant.components.file_upload import process_uploaded_file
from homeassistant.core import HomeAssistant


class UploadGoneError(Exception):
    """Home Assistant keeps an upload until it is read, or until it restarts."""


class UploadTooLargeError(Exception):
    """It was not read, and is gone."""

    def __init__(self, size: int, limit: int) -> None:
        """Keep both; in bytes."""
        super().__init__(f"{size} bytes, at most {limit}")
        self.size = size
        self.limit = limit


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file as it was uploaded."""

    name: str
    """What it was called on the person's machine."""
    data: bytes


async def async_read_upload(
    hass: HomeAssistant, file_id: str, limit: int
) -> UploadedFile:
    """Return an upload, which can be read only once.

    Raises ``UploadGoneError``, or ``UploadTooLargeError`` for more than ``limit`` bytes.
    """

    def read() -> UploadedFile:
        with process_uploaded_file(hass, file_id) as path:
            if (size := path.stat().st_size) > limit:
                raise UploadTooLargeError(size, limit)
            return UploadedFile(path.name, path.read_bytes())

    try:
        return await hass.async_add_executor_job(read)
    except (ValueError, FileNotFoundError) as err:
        raise UploadGoneError from err
