"""The command, run as whoever installs it runs it, and the page that tells how."""

from collections.abc import Mapping
import os
from pathlib import Path
import re
import shlex
import subprocess
import sys

CHECKOUT = Path(__file__).parents[2]
TOOL = CHECKOUT / "tools" / "vendor_feed"
PAGE = CHECKOUT / "docs" / "for-vendors.md"
KEEPERS_PAGE = CHECKOUT / "docs" / "keepers.md"
PASSPHRASE = "NIGHTLATCH_FEED_PASSPHRASE"
WITH_LOCK = "scripts/demo --feed"
"""What is in the block that needs a whole Home Assistant."""
# Of all commands of a page together, each of which starts Python anew: what takes longer
# hangs, also on a machine that has much else to do.
_TIMEOUT = 250


def blocks(page: Path = PAGE) -> list[str]:
    """Return the commands on a page, block by block."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def install(home: Path) -> dict[str, str]:
    """Lay the command out as its package does; return the environment that finds it.

    Without Home Assistant: what is imported are the tool and the ground floor.
    """
    integration = home / "lib" / "custom_components" / "nightlatch"
    integration.mkdir(parents=True)
    source = CHECKOUT / "custom_components" / "nightlatch"
    for name in ("core", "translations"):
        (integration / name).symlink_to(source / name)
    (home / "lib" / "nightlatch_feed").symlink_to(TOOL / "nightlatch_feed")
    _program(
        home / ".local" / "bin" / "nightlatch-feed",
        f"PYTHONPATH={shlex.quote(str(home / 'lib'))} exec {shlex.quote(sys.executable)}"
        " -c 'from nightlatch_feed.cli import run; run()' \"$@\"",
    )
    _program(
        home / "checkout" / "scripts" / "demo",
        f"cd {shlex.quote(str(CHECKOUT))}"
        f' && exec {shlex.quote(sys.executable)} -m tests.rig.demo "$@"',
    )
    return {
        "HOME": str(home),
        "NIGHTLATCH": str(home / "checkout"),
        "PATH": f"{home / '.local' / 'bin'}:{os.environ['PATH']}",
    }


def run(
    script: str, folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run commands in a folder, each only if the one before went well."""
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
