"""Judge the tests of what verifies: scripts/mutants starts this.

mutmut makes mutants of the modules that a group of mutants.toml names. What survives the
group's tests has to be explained there, by the line as it was and as it became: numbers
of mutants change with every line of code. ``mutants_session.py`` runs the tests.

What was noticed is kept as long as the modules stay as they are, so that a run that was
stopped goes on, and one after a new test asks only about what had survived.
"""

from collections import Counter
from dataclasses import dataclass
import difflib
import hashlib
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import time
import tomllib
from typing import Any

from mutmut.mutation.file_mutation import mutate_file_contents

SCRIPTS = Path(__file__).resolve().parent
ROOT = SCRIPTS.parent
PACKAGE = "custom_components/nightlatch"
WORK = ROOT / ".dev" / "mutants"

# What the tests need of pytest's plugins. Home Assistant's, for one, collects garbage
# for a second before the first test.
PLUGINS = ("aiohttp", "asyncio", "freezer", "hypothesispytest", "socket")


@dataclass(frozen=True, order=True)
class Mutant:
    """One change of a line, wherever in its function that line is."""

    function: str
    was: str
    became: str


def read_reasons(entries: list[dict[str, str]]) -> dict[Mutant, str]:
    """Return why mutants need not be noticed."""
    reasons = {
        Mutant(entry["in"], entry["was"].strip(), entry["became"].strip()): entry["why"]
        for entry in entries
    }
    if not all(reasons.values()) or len(reasons) != len(entries):
        raise SystemExit("mutants.toml: each mutant once, each with its reason")
    return reasons


def changed(function: str, was: list[str], became: list[str]) -> Mutant:
    """Return which lines a mutant has changed, without their indentation."""
    # Behind the two lines of the header.
    lines = list(difflib.unified_diff(was, became, n=0))[2:]
    parts = (
        "\n".join(line[1:].strip() for line in lines if line.startswith(sign))
        for sign in "-+"
    )
    return Mutant(function, *(part.strip() for part in parts))


def is_only_told(mutant: Mutant) -> bool:
    """Return whether only words are changed that nothing depends on.

    What is logged for whoever looks for a fault, and what an assertion says to whoever
    reads it; what is asserted stays.
    """
    if mutant.was.startswith("_LOGGER.debug("):
        return mutant.became.startswith("_LOGGER.debug(")
    asserted = mutant.was.partition(', "')[0]
    return mutant.was.startswith("assert ") and mutant.became.startswith(
        f'{asserted}, "'
    )


def module_of(path: str) -> str:
    """Return ``core.select`` for ``core/select.py``."""
    return path.removesuffix(".py").replace("/", ".")


def function_of(module: str, name: str) -> str:
    """Return ``core.select.select`` out of the name that mutmut gives a mutant."""
    mangled = name.rpartition("__mutmut_")[0]
    plain = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    return f"{module}.{plain}"


def prepare(folder: Path, modules: list[str]) -> dict[str, Mutant]:
    """Make a copy of the code with all mutants in it; return them by their full name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    without = shutil.ignore_patterns("__pycache__")
    for name in ("custom_components", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=without)
    shutil.copy(ROOT / "pyproject.toml", folder)
    found: dict[str, Mutant] = {}
    for path in modules:
        file = folder / PACKAGE / path
        mutated = mutate_file_contents(str(file), file.read_text("utf-8"))
        file.write_text(mutated.code, "utf-8")
        module, lines = module_of(path), mutated.code.splitlines()

        def body(
            name: str, lines: list[str] = lines, spans: Any = mutated
        ) -> list[str]:
            span = spans.line_span_by_function_name[name]
            # Without the first line, which has the function's changed name.
            return [
                line
                for line in lines[span.start - 1 : span.end]
                if "__mutmut_" not in line
            ]

        for name in mutated.mutant_names:
            short = name.rpartition(".")[2]
            original = f"{short.rpartition('__mutmut_')[0]}__mutmut_orig"
            found[f"custom_components.nightlatch.{module}.{short}"] = changed(
                function_of(module, short), body(original), body(short)
            )
    return found


def noticed_before(modules: list[str]) -> Path:
    """Return where it is kept which mutants of these modules, as they are, were noticed."""
    texts = [(ROOT / PACKAGE / path).read_bytes() for path in modules]
    name = hashlib.sha256(b"\0".join(texts)).hexdigest()[:16]
    WORK.mkdir(parents=True, exist_ok=True)
    (kept := WORK / f"{name}.noticed").touch()
    return kept


def survivors_of(
    folder: Path, mutants: dict[str, Mutant], tests: list[str], noticed: Path
) -> set[str]:
    """Run the tests on each mutant; return those that no test has noticed."""
    before = set(noticed.read_text("utf-8").splitlines())
    asked = [mutant for mutant in mutants if mutant not in before]
    (folder / "mutants.json").write_text(json.dumps(asked), "utf-8")
    plugins = (f"-p{plugin}" for plugin in (*PLUGINS, "mutants_session"))
    path = os.pathsep.join([str(SCRIPTS), os.environ["PYTHONPATH"]])
    with (folder / "pytest.log").open("w", encoding="utf-8") as log:
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "--rootdir=.", *plugins),
                # Nobody reads why a test fails, and to write it well takes most of the time.
                *("--tb=native", "--hypothesis-profile=mutants", *tests),
            ],
            cwd=folder,
            env=os.environ
            | {
                "NOTICED_MUTANTS": str(noticed),
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONPATH": path,
            },
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    try:
        survived: list[str] = json.loads((folder / "survivors.json").read_text("utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"The tests do not run; see {folder}/pytest.log") from None
    return set(survived)


def judge(
    group: str, modules: list[str], tests: list[str], reasons: dict[Mutant, str]
) -> int:
    """Run modules of one group; print what came of it, return how much is unexplained."""
    began = time.monotonic()
    folder = WORK / group
    mutants = prepare(folder, modules)
    survived = survivors_of(folder, mutants, tests, noticed_before(modules))
    print(f"{group}: {time.monotonic() - began:.0f} s")
    unexplained = 0
    for path in modules:
        prefix = f"{module_of(path)}."
        every = {
            name: mutant
            for name, mutant in mutants.items()
            if mutant.function.startswith(prefix)
        }
        left = [mutant for name, mutant in every.items() if name in survived]
        unknown = Counter(
            mutant
            for mutant in left
            if mutant not in reasons and not is_only_told(mutant)
        )
        gone = [
            mutant
            for mutant in reasons.keys() - set(left)
            if mutant.function.startswith(prefix)
        ]
        print(
            f"  {path}: {len(every)} mutants, {len(every) - len(left)} noticed, "
            f"{len(left) - unknown.total()} explained, {unknown.total()} unexplained"
        )
        for mutant in sorted(unknown):
            print(f"    {mutant.function}")
            for sign, lines in (("-", mutant.was), ("+", mutant.became)):
                print(*(f"      {sign} {line}" for line in lines.split("\n")), sep="\n")
        for mutant in gone:
            print(f"    explained, but noticed or gone: {mutant}")
        unexplained += unknown.total() + len(gone)
    return unexplained


def main(names: list[str]) -> int:
    """Judge the named groups and modules, or all."""
    config = tomllib.loads((SCRIPTS / "mutants.toml").read_text("utf-8"))
    groups, reasons = config["group"], read_reasons(config.get("equivalent", []))
    known: set[str] = set(groups)
    for group in groups.values():
        known |= set(group["modules"])
    if unknown := set(names) - known:
        raise SystemExit(f"{', '.join(sorted(unknown))}: none of {sorted(known)}")
    unexplained = 0
    for name, group in groups.items():
        modules: list[Any] = [
            module
            for module in group["modules"]
            if not names or name in names or module in names
        ]
        if modules:
            unexplained += judge(name, modules, group["tests"], reasons)
    if unexplained:
        print(f"{unexplained} to be noticed by a test, or explained in mutants.toml")
    return min(unexplained, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
