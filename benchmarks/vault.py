"""How long the vault takes to keep an artifact and to give it back.

    .venv/bin/python -m benchmarks.vault [FOLDER]

*seal* and *open* are the blob format in memory; *put* and *get* the whole vault with one
place in FOLDER (a temporary folder without it), fsync and all. Each figure is the best of
several. Opening with a passphrase is slow on purpose.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
import hashlib
from io import BytesIO
import os
from pathlib import Path
import sys
import tempfile
import time

from custom_components.nightlatch.core.vault.blob import read_blob, write_blob
from custom_components.nightlatch.core.vault.kept import Binding, Kept
from custom_components.nightlatch.core.vault.keys import (
    HouseholdKey,
    lock_with_passphrase,
    unlock,
)
from custom_components.nightlatch.core.vault.place import Place
from custom_components.nightlatch.core.vault.record import Where
from custom_components.nightlatch.core.vault.vault import Vault

MIB = 1024 * 1024
SIZES = (MIB // 2, 4 * MIB, 16 * MIB)
TIMES = 5
WHERE = Where("memory", "artifact")
PASSPHRASE = "four words make one"  # noqa: S105


def best(work: Callable[[], object]) -> float:
    """Return the least seconds of several times."""
    took = []
    for _ in range(TIMES):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return min(took)


def kept_of(data: bytes) -> Kept:
    """Return what is told of an artifact."""
    digest = hashlib.sha256(data).hexdigest()
    binding = Binding(vendor="Vendor", model="Model", version="1", sha256=digest)
    return Kept(binding=binding, size=len(data), kept_at=datetime.now(UTC))


def in_memory(data: bytes) -> tuple[float, float]:
    """Return the seconds to seal and to open."""
    key, kept = HouseholdKey.new(), kept_of(data)
    sealed = BytesIO()
    write_blob(sealed, key, kept, [data], WHERE)

    def opened() -> bytes:
        sealed.seek(0)
        return b"".join(read_blob(sealed, key, kept.binding, WHERE))

    assert opened() == data
    return best(lambda: write_blob(BytesIO(), key, kept, [data], WHERE)), best(opened)


def on_disk(data: bytes, folder: Path) -> tuple[float, float]:
    """Return the seconds to put and to get."""
    place = Place("folder", folder, own=True)
    kept = kept_of(data)
    with asyncio.Runner() as runner:
        vault = Vault(
            HouseholdKey.new(), [place], limit=0, clock=lambda: datetime.now(UTC)
        )
        runner.run(vault.open())
        took = (
            best(lambda: runner.run(vault.put(kept, data))),
            best(lambda: runner.run(vault.get(kept.binding.sha256))),
        )
        runner.run(vault.prune({}))
    return took


def main() -> int:
    """Print the figures."""
    names = ("seal", "open", "put", "get")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary) / "vault"
        for size in SIZES:
            data = os.urandom(size)
            figures = (*in_memory(data), *on_disk(data, folder))
            row = "  ".join(
                f"{name} {seconds * 1000:7.2f} ms {size / MIB / seconds:6.0f} MiB/s"
                for name, seconds in zip(names, figures, strict=True)
            )
            print(f"{size / MIB:5.1f} MiB  {row}")
    key = HouseholdKey.new()
    lockbox = lock_with_passphrase(key, PASSPHRASE)
    took = best(lambda: unlock(lockbox, passphrase=PASSPHRASE))
    asked = ", ".join(
        f"{name} {lockbox[name]}" for name in ("memory", "passes", "lanes")
    )
    print(f"passphrase (Argon2id, {asked}): {took * 1000:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
