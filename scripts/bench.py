"""Runs the benchmarks, one after the other, for scripts/bench."""

import argparse
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, Final

REPOSITORY: Final = Path(__file__).parents[1]
NAMES: Final = (
    *("dfu", "smp", "door", "audit", "continuity", "vault"),
    *("quiet_hours", "rollout", "scale", "year"),
)
OLD_BUILD: Final = "9a86bf2"
"""Of 25 November 2026: what the scale is held against."""


def old_build() -> Path | None:
    """Return a checkout of the old build, if there is git and it knows it."""
    there = REPOSITORY / ".dev" / "bench" / OLD_BUILD
    if there.is_dir():
        return there
    if (git := shutil.which("git")) is None:
        return None
    there.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=there.parent) as made:
        packed = Path(made) / "build.tar"
        archive = [git, "archive", "-o", str(packed), OLD_BUILD, "custom_components"]
        if subprocess.run(archive, cwd=REPOSITORY, check=False).returncode:
            return None
        shutil.unpack_archive(packed, Path(made) / "build", filter="data")
        (Path(made) / "build").rename(there)
    return there


def measure(name: str, arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one benchmark; return what it has found."""
    told = folder / f"{name}.json"
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(told)]
    if arguments.short:
        command.append("--short")
    if name == "scale" and (against := arguments.against or old_build()) is not None:
        command += ["--against", str(against)]
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tools" / "vendor_feed")))
    begun = time.monotonic()
    ended = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": path}, check=False
    )
    took = round(time.monotonic() - begun, 1)
    print(f"({name}: {took} s)\n", flush=True)
    if not told.exists():
        return {"tables": [], "missed": [f"it ended with {ended.returncode}"]}
    found: dict[str, Any] = json.loads(told.read_text("utf-8"))
    return {**found, "took_s": took}


def main() -> int:
    """Run all that is asked for; return 1 where a promise is missed."""
    parser = argparse.ArgumentParser(description="What everything costs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--short", action="store_true", help="a quick look")
    parser.add_argument("--against", type=Path, help="another build, for scale")
    parser.add_argument("--json", type=Path, default=REPOSITORY / ".dev" / "bench.json")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"no benchmark: {', '.join(sorted(unknown))}")
    found = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as made:
        for name in arguments.names or NAMES:
            print(f"# {name}\n", flush=True)
            found[name] = measure(name, arguments, Path(made))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(f"All figures are in {arguments.json}.")
    missed = [
        f"{name}: {line}" for name, told in found.items() for line in told["missed"]
    ]
    for line in missed:
        print(f"MISSED: {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
