"""Judge the tests of what verifies: scripts/mutants starts this.

mutmut makes mutants of the modules that a group of mutants.toml names and runs the
group's tests on each. What survives has to be explained there, by the line as it was and
as it became: numbers of mutants change with every line of code.
"""

from collections import Counter
from dataclasses import dataclass
import json
import os
from pathlib import Path
import subprocess
import sys
import time
import tomllib
from typing import Any

SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
PACKAGE = "custom_components/nightlatch"
DOTTED = "custom_components.nightlatch."
WORK = ROOT / ".dev" / "mutants"

# What mutmut writes down as pytest's exit code.
_NOTICED = {1, 3, 36, -24, 24, 152, 255}
"""A test failed, or did not end any more."""

# What the tests need of pytest's plugins. Home Assistant's, for one, collects garbage
# for a second before a mutant's first test.
_PLUGINS = ("aiohttp", "asyncio", "freezer", "hypothesispytest", "socket", "timeout")

# Nobody promises how an error that only the log shows is worded.
_LEFT_OUT = [r"raise ValueError\("]


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of a line, wherever in its function that line is."""

    function: str
    was: str
    became: str


def read_reasons(entries: list[dict[str, str]]) -> dict[Mutant, str]:
    """Return why mutants need not be noticed."""
    reasons = {
        Mutant(entry["in"], entry["was"], entry["became"]): entry["why"].strip()
        for entry in entries
    }
    if not all(reasons.values()) or len(reasons) != len(entries):
        raise SystemExit("mutants.toml: each mutant once, each with its reason")
    return reasons


def parse_diff(function: str, diff: str) -> Mutant:
    """Return which lines a mutant has changed, without their indentation."""
    changed: dict[str, list[str]] = {"-": [], "+": []}
    for line in diff.splitlines():
        if line[:1] in changed and not line.startswith(("---", "+++")):
            changed[line[:1]].append(line[1:].strip())
    return Mutant(function, "\n".join(changed["-"]), "\n".join(changed["+"]))


def function_of(name: str) -> str:
    """Return ``core.select.select`` out of the name that mutmut gives a mutant."""
    module, _, mangled = name.rpartition("__mutmut_")[0].rpartition(".")
    plain = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return f"{module.removeprefix(DOTTED)}.{plain}"


def pattern_of(module: str) -> str:
    """Return what fits the names of all mutants of a module, and of no other."""
    return f"{DOTTED}{module.removesuffix('.py').replace('/', '.')}.*"


def prepare(group: str, wanted: dict[str, Any]) -> Path:
    """Make the folder that mutmut works in: the code as it is, a configuration."""
    folder = WORK / group
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("custom_components", "tests"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(ROOT / name)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    tools: dict[str, dict[str, Any]] = {
        "pytest.ini_options": project["tool"]["pytest"]["ini_options"],
        "mutmut": {
            "source_paths": ["custom_components"],
            "only_mutate": [f"{PACKAGE}/{module}" for module in wanted["modules"]],
            "pytest_add_cli_args_test_selection": wanted["tests"],
            # The same examples for each mutant; and none is made smaller.
            "pytest_add_cli_args": [
                "--hypothesis-profile=mutants",
                *(f"-p{plugin}" for plugin in _PLUGINS),
            ],
            "do_not_mutate_patterns": _LEFT_OUT,
            "use_git_change_detection": False,
            # What has changed since is judged again, and all that it may matter to.
            "on_dependency_change": "rerun",
        },
    }
    # JSON's strings, lists and numbers are TOML's as well.
    (folder / "pyproject.toml").write_text(
        "\n".join(
            line
            for table, values in tools.items()
            for line in (
                f"[tool.{table}]",
                *(f"{key} = {json.dumps(value)}" for key, value in values.items()),
            )
        ),
        "utf-8",
    )
    return folder


def survivors_of(folder: Path, module: str) -> tuple[int, list[Mutant]]:
    """Return how many mutants a module has, and those that no test has noticed."""
    # Out of mutmut itself: a process for each mutant takes ten times as long.
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415

    path = f"{PACKAGE}/{module}"
    meta = folder / "mutants" / f"{path}.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text("utf-8"))[
        "exit_code_by_key"
    ]
    here = Path.cwd()
    os.chdir(folder)
    try:
        return len(codes), [
            parse_diff(function_of(name), get_diff_for_mutant(name, path=path))
            for name, code in codes.items()
            if code not in _NOTICED
        ]
    finally:
        os.chdir(here)


def judge(
    group: str, wanted: dict[str, Any], modules: list[str], reasons: dict[Mutant, str]
) -> int:
    """Run modules of one group; print what came of it, return how much is unexplained."""
    folder = prepare(group, wanted)
    began = time.monotonic()
    with (folder / "mutmut.log").open("w", encoding="utf-8") as log:
        done = subprocess.run(
            [sys.executable, "-m", "mutmut", "run", *map(pattern_of, modules)],
            cwd=folder,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        print(f"{group}: mutmut failed; see {folder / 'mutmut.log'}")
        return 1
    print(f"{group}: {time.monotonic() - began:.0f} s")
    unexplained = 0
    for module in modules:
        total, survivors = survivors_of(folder, module)
        unknown = [mutant for mutant in survivors if mutant not in reasons]
        print(
            f"  {module}: {total} mutants, {total - len(survivors)} noticed, "
            f"{len(survivors) - len(unknown)} explained, {len(unknown)} unexplained"
        )
        for mutant, times in sorted(Counter(unknown).items()):
            print(f"    {mutant.function}" + (f" ({times} times)" if times > 1 else ""))
            for sign, lines in (("-", mutant.was), ("+", mutant.became)):
                print(*(f"      {sign} {line}" for line in lines.split("\n")), sep="\n")
        unexplained += len(unknown)
        prefix = pattern_of(module).removeprefix(DOTTED).removesuffix("*")
        for mutant in reasons.keys() - set(survivors):
            if mutant.function.startswith(prefix):
                print(f"    explained, but gone: {mutant}")
                unexplained += 1
    return unexplained


def main(names: list[str]) -> int:
    """Judge the named groups and modules, or all."""
    config = tomllib.loads((SCRIPTS / "mutants.toml").read_text("utf-8"))
    groups, reasons = config["group"], read_reasons(config.get("equivalent", []))
    known = {
        *groups,
        *(module for group in groups.values() for module in group["modules"]),
    }
    if unknown := set(names) - known:
        raise SystemExit(f"{', '.join(sorted(unknown))}: none of {sorted(known)}")
    unexplained = 0
    for name, group in groups.items():
        modules = [
            module
            for module in group["modules"]
            if not names or name in names or module in names
        ]
        if modules:
            unexplained += judge(name, group, modules, reasons)
    if unexplained:
        print(f"{unexplained} mutants that nothing noticed and nobody has explained")
    return min(unexplained, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
