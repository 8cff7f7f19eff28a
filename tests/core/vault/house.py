"""What the tests of the vault share: artifacts, places, and a vault over them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
import hashlib
from pathlib import Path
from typing import Any

from custom_components.nightlatch.core.errors import NightlatchError, VaultError
from custom_components.nightlatch.core.vault.blob import CHUNK
from custom_components.nightlatch.core.vault.kept import Binding, Kept
from custom_components.nightlatch.core.vault.keys import HouseholdKey
from custom_components.nightlatch.core.vault.place import Place
from custom_components.nightlatch.core.vault.vault import Vault

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1)
LIMIT = 64 * 1024 * 1024


def artifact(size: int, seed: int = 0) -> bytes:
    """Return bytes that occur nowhere else."""
    return hashlib.shake_256(b"artifact %d" % seed).digest(size)


def kept_of(
    data: bytes,
    *,
    version: str = "1.2.3",
    model: str = "Keyway One",
    vendor: str = "Example Locks",
    day: int = 0,
    about: Mapping[str, Any] | None = None,
) -> Kept:
    """Return what is told of an artifact that was kept on a day."""
    return Kept(
        binding=Binding(
            vendor=vendor,
            model=model,
            version=version,
            sha256=hashlib.sha256(data).hexdigest(),
        ),
        size=len(data),
        kept_at=NOON + timedelta(days=day),
        about={} if about is None else about,
    )


class House:
    """A vault with two places on disk."""

    def __init__(self, root: Path, key: HouseholdKey | None = None) -> None:
        """Name the owner's folder, as the owner would."""
        root.mkdir(exist_ok=True)
        self.key = key or HouseholdKey.new()
        self.first = root / "first"
        self.second = root / "second"
        self.places = (
            Place("first", self.first, own=True),
            Place("second", self.second, own=False),
        )
        self.places[1].establish(self.key)

    def vault(self, *, limit: int = LIMIT, key: HouseholdKey | None = None) -> Vault:
        """Return a vault that knows nothing yet, as after a restart."""
        return Vault(key or self.key, self.places, limit=limit, clock=lambda: NOON)

    def alone(self, *, limit: int = LIMIT) -> Vault:
        """Return a vault over the first place only."""
        return Vault(self.key, self.places[:1], limit=limit, clock=lambda: NOON)

    @property
    def folders(self) -> tuple[Path, Path]:
        """Return both."""
        return self.first, self.second


def blobs(folder: Path) -> list[Path]:
    """Return the blobs in a folder."""
    return sorted(folder.glob("*.blob"))


def spoil(path: Path, position: int = -1, value: int = 1) -> None:
    """Change one byte of a file to another."""
    raw = bytearray(path.read_bytes())
    raw[position] ^= value
    path.write_bytes(raw)


def holds(_: Kept, __: bytes) -> None:
    """Find every proof good."""


async def nothing(_: Kept) -> bytes | None:
    """Fetch nothing: the feed no longer has it."""
    return None


def reason_of(err: NightlatchError | None) -> str:
    """Return why, or that there is no reason."""
    return "" if err is None else str(err.reason)


def refusal(err: VaultError | None) -> tuple[str, str]:
    """Return why, and in which place."""
    assert err is not None
    return str(err.reason), err.details.get("place", "")
