"""Zips of the nRF Connect SDK: ``dfu_application.zip``, with an image of MCUboot in it.

The manifest lists files, each with the number of the image that it is. Of several
images the others are for other cores of the same chip. What a zip adds to its image is
proven by nothing, and nothing of it counts but which file is meant.
Source: nRF Connect SDK, scripts/bootloader/generate_zip.py.
"""

from typing import Any

from ..errors import FirmwareError, FirmwareProblem
from .mcuboot import MAX_IMAGE_SIZE, McubootImage, read_image
from .zip_package import ZipPackage, manifest_invalid

_FORMAT = "format-version"
_KNOWN_FORMATS = (0, 1)
_FILES = "files"
_FILE = "file"
_INDEX = "image_index"
# A number in one version of the tool is a text in another.
_APPLICATION = "0"


def is_image_package(package: ZipPackage) -> bool:
    """Return whether a zip is one of the nRF Connect SDK."""
    return _FORMAT in package.manifest


def read_image_package(package: ZipPackage) -> McubootImage:
    """Return the one image in a zip.

    Raises ``FirmwareError``: MANIFEST_INVALID, SEVERAL_IMAGES, and what
    ``ZipPackage.take`` and ``read_image`` raise.
    """
    version = package.manifest[_FORMAT]
    if isinstance(version, bool) or version not in _KNOWN_FORMATS:
        raise manifest_invalid("its format is newer than this Nightlatch")
    file = _only_file(package.manifest.get(_FILES))
    (data,) = package.take(file.get(_FILE), limit=MAX_IMAGE_SIZE)
    return read_image(data)


def _only_file(files: object) -> dict[str, Any]:
    """Return what the manifest says of the one file, which is the application's."""
    if not isinstance(files, list) or not files:
        raise manifest_invalid("it names no image")
    if len(files) > 1:
        raise FirmwareError(FirmwareProblem.SEVERAL_IMAGES, count=len(files))
    (file,) = files
    if not isinstance(file, dict):
        raise manifest_invalid("it does not say what its image is")
    index = file.get(_INDEX, _APPLICATION)
    if isinstance(index, bool) or str(index) != _APPLICATION:
        raise FirmwareError(
            FirmwareProblem.WRONG_TYPE, found=f"image {str(index)[:8]!a}"
        )
    return file
