"""A vendor's workshop: firmware, a passphrase, and the command at hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_components.nightlatch.core.firmware.keys import load_firmware_key
from nightlatch_feed import cli
from nightlatch_feed.repository import computer_clock
from tests.rig.scene import (
    MCUBOOT_MODELS,
    MODELS,
    VENDOR,
    make_mcuboot_firmware,
    make_release,
)
from tests.rig.vendor import Vendor

from .commands import PASSPHRASE

WORDS = "four words of your own"


@dataclass(kw_only=True)
class Workshop:
    """A vendor at work in a folder."""

    folder: Path
    maker: Vendor
    capsys: pytest.CaptureFixture[str]
    moved: timedelta = timedelta()
    told: str = ""
    """What the last command has printed."""

    def run(self, command: str, *arguments: str | Path) -> int:
        """Run a command; return its exit code."""
        self.capsys.readouterr()
        try:
            code = cli.main([command, *map(str, arguments)])
        except SystemExit as err:
            code = int(str(err.code))
        self.told = "".join(self.capsys.readouterr())
        return code

    def do(self, command: str, *arguments: str | Path) -> str:
        """Run a command that must go well; return what it has printed."""
        assert self.run(command, *arguments) == cli.OK, self.told
        return self.told

    def clock(self) -> datetime:
        """Return the time as the vendor has it."""
        return computer_clock() + self.moved

    def package(self, version: str) -> Path:
        """Return the DFU zip of a version."""
        path = self.folder / f"{version}.zip"
        path.write_bytes(make_release(self.maker, version))
        return path

    def image(self, version: str, **knobs: Any) -> Path:
        """Return the image for MCUboot of a version."""
        path = self.folder / f"{version}.bin"
        path.write_bytes(make_mcuboot_firmware(self.maker, version, size=9000, **knobs))
        return path

    def release(self, version: str, *arguments: str) -> str:
        """Add a release of the first model."""
        said = ("--model", "KL-1", "--version", version, "--hardware", "B")
        return self.do("release", self.package(version), *said, *arguments)

    def found(self) -> None:
        """Make a feed with two models and no release."""
        key = self.folder / "firmware.pem"
        key.write_text(self.maker.firmware_key_pem)
        self.do("init", "--vendor", VENDOR, "--firmware-key", key)
        self.do("model", "KL-1", "--name", "Kestrel One")
        self.do("model", "KM-1", "--name", "Kestrel Motor")

    @property
    def maker_fingerprint(self) -> str:
        """Which key signs the firmware."""
        return load_firmware_key(self.maker.firmware_key_pem).fingerprint

    @property
    def root(self) -> bytes:
        """What customers pin."""
        return (self.folder / "feed" / "metadata" / "1.root.json").read_bytes()


@pytest.fixture
def workshop(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    socket_enabled: None,
) -> Workshop:
    """Return the workshop of a vendor that has no feed yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(PASSPHRASE, WORDS)
    workshop = Workshop(
        folder=tmp_path,
        maker=Vendor(name=VENDOR, models=(*MODELS, *MCUBOOT_MODELS)),
        capsys=capsys,
    )
    clock: Callable[[], datetime] = workshop.clock
    monkeypatch.setattr(cli, "computer_clock", clock)
    return workshop


@pytest.fixture
def feed(workshop: Workshop) -> Workshop:
    """Return the workshop with a feed of one release, published."""
    workshop.found()
    workshop.release("1.0.0")
    workshop.do("publish")
    return workshop
