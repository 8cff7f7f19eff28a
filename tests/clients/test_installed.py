"""The tool as vendors install it, and the page that they go by, whole."""

import os
from pathlib import Path
import shutil
import subprocess
import sys

import pytest

from tests.tools.commands import CHECKOUT, TOOL, WITH_LOCK, blocks

_UV = Path(sys.executable).with_name("uv")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Return a checkout in which nothing has been built or run."""
    checkout = tmp_path / "fresh"
    for name in ("tools/vendor_feed", "custom_components/nightlatch"):
        shutil.copytree(
            CHECKOUT / name,
            checkout / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    return checkout


def test_it_runs_from_a_fresh_checkout(fresh: Path) -> None:
    """Built out of it, with nothing of Home Assistant."""
    uvx = shutil.which("uvx", path=f"{_UV.parent}:{os.environ['PATH']}")
    assert uvx is not None
    command = [
        uvx,
        "--python",
        sys.executable,
        "--from",
        str(TOOL.relative_to(CHECKOUT)),
    ]
    done = subprocess.run(
        [*command, "nightlatch-feed", "check", "nowhere", "--root", "pyproject.toml"],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "pyproject.toml: No such file" in done.stderr
    assert done.returncode == 2
    done = subprocess.run(
        [*command, "python", "-c", "import homeassistant"],
        cwd=fresh,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "No module named 'homeassistant'" in done.stderr


@pytest.mark.timeout(900)
def test_ten_minutes_of_the_page(tmp_path: Path) -> None:
    """Each command as it stands, with the tool installed and the demo's lock updated."""
    uv = shutil.which("uv", path=f"{_UV.parent}:{os.environ['PATH']}")
    assert uv is not None
    programs = tmp_path / "bin"
    environment = {
        **os.environ,
        "HOME": str(tmp_path),
        "NIGHTLATCH": str(CHECKOUT),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(programs),
    }
    install = [uv, "tool", "install", "--quiet", "--python", sys.executable, str(TOOL)]
    subprocess.run(install, env=environment, timeout=300, check=True)
    script = "".join(blocks())
    assert WITH_LOCK in script
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "front door: 1.0.0 -> 1.1.0, verified" in done.stdout
