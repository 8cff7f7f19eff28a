"""A disk that can be cut off or refuse, under what the vault does with files.

It stands in for ``os`` in ``folder.py``: calls go through to the real one, are counted,
and one of them may fail. A power cut also takes what was not yet made durable: the end
of a file that was not fsynced, and a name in a folder that was not.
"""

from collections.abc import Callable
import os
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch.core.vault import folder as folder_module

STEPS = ("open", "write", "fsync", "close", "rename", "unlink")
"""What changes something, or ends it."""


class PowerCutError(BaseException):
    """Nothing runs any more; least of all what would clean up."""


class Disk:
    """Passes everything on, until it fails."""

    def __init__(self) -> None:
        """Begin to count."""
        self.steps: list[str] = []
        self.fail_at: int | None = None
        self.failure: Callable[[], BaseException] = PowerCutError
        self.half = False
        """Whether a write that fails gets half of its bytes out."""
        self.look: Callable[[], None] = lambda: None
        """Called after each step."""
        self.forgets_names = False
        """Whether a cut takes renames that were not made durable."""
        self._dead = False
        self._unsynced: set[Path] = set()
        self._written: dict[int, Path] = {}
        self._renamed: list[tuple[Path, Path, bytes | None]] = []

    def __getattr__(self, name: str) -> Any:
        """Return what ``os`` has, counted where it is a step."""
        real = getattr(os, name)
        if name not in STEPS:
            return real

        def step(*args: Any, **kwargs: Any) -> Any:
            if self._dead:
                raise PowerCutError
            number = len(self.steps)
            self.steps.append(name)
            if number == self.fail_at:
                self._fail(name, real, args)
            if name == "rename":
                self._before(args, kwargs)
            # A real disk would only take its time.
            result = None if name == "fsync" else real(*args, **kwargs)
            self._note(name, args, kwargs, result)
            self.look()
            return result

        return step

    def refuse(self, name: str, work: Callable[..., Any]) -> None:
        """Do something else from now on instead of what ``os`` does."""
        self.__dict__[name] = work

    def accept(self, name: str) -> None:
        """Do what ``os`` does again."""
        del self.__dict__[name]

    def power_back(self) -> None:
        """Let everything go again."""
        self._dead, self.fail_at = False, None
        self.steps.clear()

    def cut_now(self) -> None:
        """Take what was not made durable."""
        for source, target, before in reversed(self._renamed):
            if self.forgets_names:
                target.rename(source)
                if before is not None:
                    target.write_bytes(before)
        for path in self._unsynced:
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)
        self._renamed.clear()
        self._unsynced.clear()

    def _fail(self, name: str, real: Any, args: tuple[Any, ...]) -> None:
        if name == "write" and self.half:
            real(args[0], args[1][: len(args[1]) // 2])
        failure = self.failure()
        if isinstance(failure, PowerCutError):
            self._dead = True
            self.cut_now()
        raise failure

    def _note(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        """Remember what is not durable yet."""
        match name:
            case "open" if args[1] & os.O_CREAT:
                path = _folder(kwargs["dir_fd"]) / args[0]
                self._written[result] = path
                self._unsynced.add(path)
            case "fsync" if args[0] in self._written:
                self._unsynced.discard(self._written[args[0]])
            case "fsync":
                self._renamed.clear()
            case "close":
                self._written.pop(args[0], None)
            case "rename":
                source, target, _ = self._renamed[-1]
                if source in self._unsynced:
                    self._unsynced.remove(source)
                    self._unsynced.add(target)

    def _before(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Remember what a name stood for, before it stands for something else."""
        folder = _folder(kwargs["dst_dir_fd"])
        source, target = folder / args[0], folder / args[1]
        old = target.read_bytes() if target.exists() else None
        self._renamed.append((source, target, old))


def _folder(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


@pytest.fixture(name="disk")
def disk_under_the_vault(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Put a disk under the vault that can fail."""
    disk = Disk()
    monkeypatch.setattr(folder_module, "os", disk)
    return disk
