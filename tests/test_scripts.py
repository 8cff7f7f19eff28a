"""What the scripts of the repository promise."""

import json
from pathlib import Path
import subprocess
import sys
from typing import Any
import zipfile

import pytest

import custom_components.nightlatch as integration

SCRIPTS = Path(__file__).parent.parent / "scripts"
INTEGRATION = Path(integration.__file__).parent


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script as a person would."""
    return subprocess.run(
        [sys.executable, SCRIPTS / script, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("tag", ["v1.2.3", "1.2.3"])
def test_a_release_carries_the_whole_integration(tag: str, tmp_path: Path) -> None:
    """Every file as it is, but for the version in the manifest."""
    made = run("package.py", tag, tmp_path / "nightlatch.zip")
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(tmp_path / "nightlatch.zip") as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(contents.pop("manifest.json"))
    assert manifest["version"] == "1.2.3"
    source = json.loads((INTEGRATION / "manifest.json").read_text("utf-8"))
    assert list(manifest) == list(source)
    assert manifest | {"version": ""} == source | {"version": ""}
    assert contents == {
        path.relative_to(INTEGRATION).as_posix(): path.read_bytes()
        for path in INTEGRATION.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "manifest.json"
    }


def test_a_release_can_be_made_again(tmp_path: Path) -> None:
    """Byte by byte, so that anybody can compare it with the source."""
    for name in ("one.zip", "two.zip"):
        run("package.py", "v1.2.3", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


@pytest.mark.parametrize("tag", ["", "v", "latest", "v1.2", "v1.2.3 ", "v1.2.3;x"])
def test_a_tag_that_is_no_version_makes_no_release(tag: str, tmp_path: Path) -> None:
    """Home Assistant would not load it."""
    made = run("package.py", tag, tmp_path / "nightlatch.zip")
    assert made.returncode != 0
    assert not (tmp_path / "nightlatch.zip").exists()


def report(path: Path, modules: dict[str, float]) -> Path:
    """Write a coverage report."""
    files: dict[str, Any] = {
        name: {"summary": {"percent_covered": percent}, "missing_lines": [7, 9]}
        for name, percent in modules.items()
    }
    path.write_text(json.dumps({"files": files, "totals": {"percent_covered": 97.0}}))
    return path


def test_the_coverage_gate_lets_covered_modules_pass(tmp_path: Path) -> None:
    """95 % is enough."""
    passed = run("coverage_gate.py", report(tmp_path / "c", {"a.py": 100, "b.py": 95}))
    assert passed.returncode == 0, passed.stderr
    assert "2 modules" in passed.stdout


def test_the_coverage_gate_names_each_module_below_the_mark(tmp_path: Path) -> None:
    """However good the others are."""
    modules = {"a.py": 100.0, "b.py": 94.99, "c.py": 0.0}
    failed = run("coverage_gate.py", report(tmp_path / "c", modules))
    assert failed.returncode != 0
    assert "a.py" not in failed.stdout
    assert "b.py: 94.99 %; lines not run: 7, 9" in failed.stdout
    assert "c.py: 0.00 %" in failed.stdout


def test_the_coverage_gate_fails_when_nothing_was_measured(tmp_path: Path) -> None:
    """A wrong path must not look like success."""
    assert run("coverage_gate.py", report(tmp_path / "c", {})).returncode != 0
