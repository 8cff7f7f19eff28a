"""The flash of a lock with a Secure DFU bootloader: two banks and a settings page.

The settings page has a backup, so that a loss of power while one of them is written
leaves the other; nrf_dfu_settings.c of the nRF5 SDK from 15 on. Before that there is none:
what was being written is begun anew as if nothing had ever been installed, and it is
written more often, at each object's EXECUTE and with each page that is copied
(nrf_dfu_req_handler.c and nrf_dfu_utils.c, as public copies of 12 to 14 have them).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .flash import ERASE_TIME, ERASED, WORD, WORD_TIME, Operations, write_bits

PAGE = 4096
SETTINGS_TIME = 2 * (ERASE_TIME + PAGE / WORD * WORD_TIME)
"""Seconds to write the settings page and its backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What bootloader and application know over a restart."""

    application_version: int
    """The ``fw_version`` of the application, which no older one may replace."""
    application_valid: bool = True
    """Whether bank 0 has an application that may run."""
    activate: int = 0
    """Bytes of bank 1 that must be copied to bank 0 at the next start, if any."""
    activate_version: int = 0
    init_packet: bytes = b""
    """The last init packet that was accepted."""
    executed: int = 0
    """Bytes of the image that stay over a restart, where that is kept."""


class Flash:
    """What survives a loss of power."""

    def __init__(
        self,
        application: bytearray,
        application_version: int,
        *,
        backed_up: bool = True,
    ) -> None:
        """Begin as the factory leaves it."""
        self.operations = Operations()
        self.cut_at = self.operations.cut_at
        """Orders a loss of power at a write or an erase."""
        self.application = application
        """Bank 0: what runs."""
        self.staged = bytearray()
        """Bank 1: what is being received."""
        self.word_time = WORD_TIME
        """Seconds to write a word; 338 µs are noted of an nRF52832 at its worst, and were
        not checked against its specification."""
        settings = Settings(application_version=application_version)
        self._page: Settings | None = settings
        self._backup: Settings | None = settings if backed_up else None
        self.backed_up = backed_up

    @property
    def settings(self) -> Settings:
        """What the settings page says, or its backup where that is no good."""
        settings = self._page or self._backup
        if settings is None:
            assert not self.backed_up, "never are both being written"
            return Settings(application_version=0, application_valid=False)
        return settings

    @property
    def application_version(self) -> int:
        """The number of the application, which no lower one may replace."""
        return self.settings.application_version

    @application_version.setter
    def application_version(self, version: int) -> None:
        """Let the factory have flashed another one."""
        self._page = replace(self.settings, application_version=version)
        self._backup = self._page if self.backed_up else None

    @property
    def activate(self) -> int:
        """Bytes of bank 1 that must be copied at the next start, if any."""
        return self.settings.activate

    @property
    def activate_version(self) -> int:
        """The number of the application that must be copied."""
        return self.settings.activate_version

    @property
    def init_packet(self) -> bytes:
        """The last init packet that was accepted."""
        return self.settings.init_packet

    def save(self, **changes: Any) -> float:
        """Write the settings page, and then its backup if it has one.

        Returns how many seconds it takes; raises ``PowerLost``.
        """
        return sum(self.saving(**changes))

    def saving(self, **changes: Any) -> Iterator[float]:
        """Do the same bit by bit: yield how many seconds each takes, then do it."""
        new = replace(self.settings, **changes)
        if not self.backed_up:
            yield from self._save_page(new)
            return
        if self._page is not None and self._page is not self._backup:
            # A loss of power came between the two. The good one is copied first.
            yield from self._save_backup(self._page)
        yield from self._save_page(new)
        yield from self._save_backup(new)

    def _save_page(self, settings: Settings) -> Iterator[float]:
        def erase(length: int) -> None:
            self._page = None if length else self._page

        def write(length: int) -> None:
            self._page = settings if length == PAGE else None

        yield ERASE_TIME
        self.operations.perform(PAGE, erase)
        yield PAGE / WORD * WORD_TIME
        self.operations.perform(PAGE, write)

    def _save_backup(self, settings: Settings) -> Iterator[float]:
        def erase(length: int) -> None:
            self._backup = None if length else self._backup

        def write(length: int) -> None:
            self._backup = settings if length == PAGE else None

        yield ERASE_TIME
        self.operations.perform(PAGE, erase)
        yield PAGE / WORD * WORD_TIME
        self.operations.perform(PAGE, write)

    def erase(self, bank: bytearray, start: int, end: int) -> float:
        """Erase the pages of a bank from one byte to another.

        Returns how many seconds it takes; raises ``PowerLost``.
        """
        seconds = 0.0
        for page in range(start, end, PAGE):
            size = min(PAGE, end - page)

            def do(length: int, page: int = page) -> None:
                bank[page : page + length] = bytes([ERASED]) * length

            self.operations.perform(size, do)
            seconds += ERASE_TIME
        return seconds

    def write(self, bank: bytearray, offset: int, data: bytes) -> float:
        """Write words into a bank.

        Returns how many seconds it takes; raises ``PowerLost``.
        """

        def do(length: int) -> None:
            write_bits(bank, offset, data[:length])

        self.operations.perform(len(data), do)
        return len(data) / WORD * self.word_time

    def copy_staged(self) -> None:
        """Copy what was received over the application. Raises ``PowerLost``."""
        size = self.activate
        bank = self.application
        bank.extend(bytes([ERASED]) * (size - len(bank)))
        for start in range(0, size, PAGE):
            end = min(start + PAGE, size)
            self.erase(bank, start, end)
            self.write(bank, start, bytes(self.staged[start:end]))
            if not self.backed_up:
                # How far it is.
                self.save()
        del bank[size:]

    def forget_staged(self) -> None:
        """Make what was received the application. Raises ``PowerLost``."""
        self.save(
            application_version=self.activate_version,
            application_valid=True,
            activate=0,
            activate_version=0,
            init_packet=b"",
            executed=0,
        )
        self.staged.clear()
