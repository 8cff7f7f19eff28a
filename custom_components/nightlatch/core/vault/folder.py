"""A folder on disk, as the vault uses it: whole files only, and no way out of it.

Everything is done relative to the open folder, and no link is followed: what is read
and written lies in it, even where somebody else may write there too. All of it blocks,
and raises ``OSError``.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import errno
import os
from pathlib import Path
import stat
from typing import Self

from .record import ByteSource, ByteTarget

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
# What file systems say that cannot do what not all can.
_CANNOT = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS}
# As above, or where the folder's owner is somebody else.
_MAY_NOT = _CANNOT | {errno.EPERM, errno.EACCES, errno.EROFS}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenFile:
    """A file that is being read."""

    source: ByteSource
    size: int
    """Bytes."""


class Folder:
    """An open folder."""

    def __init__(self, descriptor: int) -> None:
        """Use a descriptor; ``opened`` makes and closes it."""
        self._descriptor = descriptor

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        """Open a folder for a while."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield cls(descriptor)
        finally:
            os.close(descriptor)

    @property
    def identity(self) -> tuple[int, int]:
        """Return what is the same only for the same folder, by whatever path."""
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino

    def names(self) -> list[str]:
        """Return the names of what is in it, in order."""
        with os.scandir(self._descriptor) as found:
            return sorted(each.name for each in found)

    def holds(self, name: str) -> bool:
        """Return whether there is a file of that name."""
        try:
            found = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode)

    def keep_private(self) -> None:
        """Let nobody else look in, where the file system knows of that."""
        if stat.S_IMODE(os.fstat(self._descriptor).st_mode) == 0o700:
            return
        try:
            os.fchmod(self._descriptor, 0o700)
        except OSError as err:
            if err.errno not in _MAY_NOT:
                raise

    @contextmanager
    def reading(self, name: str) -> Iterator[OpenFile]:
        """Open a file; anything else of that name is refused with ``ELOOP``."""
        # Not blocking: a pipe of that name must not hold up anything.
        descriptor = os.open(
            name, os.O_RDONLY | os.O_NONBLOCK | _FLAGS, dir_fd=self._descriptor
        )
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            yield OpenFile(source=file, size=found.st_size)

    @contextmanager
    def replacing(self, name: str, temporary: str) -> Iterator[ByteTarget]:
        """Write a file that takes its name when it is whole and on disk.

        Where anything is raised, what had that name before still has it.
        """
        descriptor = os.open(
            temporary,
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS,
            0o600,
            dir_fd=self._descriptor,
        )
        try:
            try:
                yield _Writer(descriptor)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.rename(
                temporary,
                name,
                src_dir_fd=self._descriptor,
                dst_dir_fd=self._descriptor,
            )
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=self._descriptor)
            raise
        self._settle()

    def rename(self, name: str, to: str) -> None:
        """Give a file another name; what had that before is gone."""
        os.rename(name, to, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        self._settle()

    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._descriptor)
            self._settle()

    def _settle(self) -> None:
        """Make durable which names there are."""
        try:
            os.fsync(self._descriptor)
        except OSError as err:
            if err.errno not in _CANNOT:
                raise


class _Writer:
    """Writes everything, as often as it takes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._descriptor, left) :]
