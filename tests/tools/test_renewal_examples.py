"""The ready ways to renew a feed by machine, run as they stand."""

import json
from pathlib import Path
import re
from typing import Any

import pytest

from homeassistant.util.yaml import load_yaml_dict

from .commands import TOOL, install, run
from .conftest import Workshop

EXAMPLES = TOOL / "examples"


def _versions(feed: Workshop) -> list[int]:
    metadata = json.loads(
        (feed.folder / "feed" / "metadata" / "timestamp.json").read_text()
    )
    return [metadata["signed"]["version"], len(metadata["signatures"])]


@pytest.fixture
def environment(feed: Workshop, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a machine with the command and the two online keys."""
    machine = tmp_path / "machine"
    machine.mkdir()
    keys = feed.folder / "keys"
    online = feed.folder / "online-keys"
    online.mkdir()
    for role in ("snapshot", "timestamp"):
        (key,) = keys.glob(f"{role}-*.pem")
        key.rename(online / key.name)
    # The others are with people.
    keys.rename(feed.folder / "elsewhere")
    return install(machine)


def test_the_workflow_renews(feed: Workshop, environment: dict[str, str]) -> None:
    """With keys out of secrets, which it does not leave behind."""
    workflow: dict[str, Any] = load_yaml_dict(str(EXAMPLES / "renew-feed.yml"))
    steps = {step.get("name"): step for step in workflow["jobs"]["renew"]["steps"]}
    runner = feed.folder / "runner"
    runner.mkdir()
    environment["RUNNER_TEMP"] = str(runner)
    for role in ("snapshot", "timestamp"):
        (key,) = (feed.folder / "online-keys").glob(f"{role}-*.pem")
        assert f"{role.upper()}_KEY" in steps["Renew"]["env"]
        environment[f"{role.upper()}_KEY"] = key.read_text().strip()
        key.unlink()
    for name in ("Renew", "Warn before people have to sign"):
        done = run(steps[name]["run"], feed.folder, environment)
        assert done.returncode == 0, done.stdout
    assert _versions(feed) == [2, 1]
    assert not list(runner.iterdir())
    for step in workflow["jobs"]["renew"]["steps"]:
        assert re.search(r"@[0-9a-f]{40}$", step.get("uses", f"@{'0' * 40}"))


def test_the_service_renews(feed: Workshop, environment: dict[str, str]) -> None:
    """And may write where it has to, and nowhere else."""
    service = (EXAMPLES / "nightlatch-feed-renew.service").read_text()
    folder = re.search(r"^WorkingDirectory=(.+)$", service, re.MULTILINE)
    assert folder is not None
    assert f"ReadWritePaths={folder[1]}/feed\n" in service
    commands = re.findall(r"^ExecStart=/usr/local/bin/(.+)$", service, re.MULTILINE)
    assert len(commands) == 3
    done = run("\n".join(commands), feed.folder, environment)
    assert done.returncode == 0, done.stdout
    assert _versions(feed) == [2, 1]
    timer = (EXAMPLES / "nightlatch-feed-renew.timer").read_text()
    assert "WantedBy=timers.target" in timer
