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

from .shape import Found, Row, Table, main_of_a_disk

MIB = 1024 * 1024
SIZES = (MIB // 2, 4 * MIB, 16 * MIB)
TIMES = 5
WHERE = Where("memory", "artifact")
PASSPHRASE = "four words make one"  # noqa: S105
PATIENCE = 2000.0
"""Milliseconds."""


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


def plainly(data: bytes, folder: Path) -> tuple[float, float]:
    """Return the seconds to write something with fsync, and to read and hash it."""
    path = folder / "plain"

    def write() -> None:
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    folder.mkdir(parents=True, exist_ok=True)
    took = best(write), best(lambda: hashlib.sha256(path.read_bytes()).digest())
    path.unlink()
    return took


def measure_all(folder: Path, short: bool) -> Found:
    """Measure with one place in a folder; return what was found."""
    folder /= "vault"
    rows = []
    for size in SIZES[: 1 if short else None]:
        data = os.urandom(size)
        hashed = best(lambda: hashlib.sha256(data).digest())  # noqa: B023
        written, read = plainly(data, folder)
        seal, opened = in_memory(data)
        put, get = on_disk(data, folder)
        for name, took, baseline in (
            ("seal", seal, hashed),
            ("open", opened, hashed),
            ("put", put, written),
            ("get", get, read),
        ):
            rows.append(
                Row(
                    name=f"{name}, {size / MIB:g} MiB",
                    figures={"ms": took * 1000, "MiB/s": size / MIB / took},
                    baseline=baseline * 1000,
                )
            )
    tables = [
        Table(
            name="The vault",
            of="SHA-256 of as much; to put and get: a plain file, written with fsync, or read and hashed",
            rows=rows,
        )
    ]
    key = HouseholdKey.new()
    lockbox = lock_with_passphrase(key, PASSPHRASE)
    took = best(lambda: unlock(lockbox, passphrase=PASSPHRASE))
    asked = {name: int(lockbox[name]) for name in ("memory", "passes", "lanes")}
    tables.append(
        Table(
            name="Opening with a passphrase (Argon2id), slow on purpose",
            of="the most that a person waits for",
            rows=[
                Row(
                    name="passphrase",
                    figures={"ms": took * 1000, **asked},
                    baseline=PATIENCE,
                )
            ],
        )
    )
    return Found(tables=tables)


def run(short: bool) -> Found:
    """Measure all; for a quick look the smallest artifact."""
    with tempfile.TemporaryDirectory() as made:
        return measure_all(Path(made), short)


if __name__ == "__main__":
    sys.exit(main_of_a_disk(__doc__, run, measure_all))
