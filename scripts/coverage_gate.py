"""Fail when a module of the integration is not covered by the tests.

Usage: coverage_gate.py COVERAGE_JSON

A total hides a module that nobody tests behind many that somebody does, so each module
has to reach the mark by itself. Lines and branches count alike.
"""

import json
from pathlib import Path
import sys

MINIMUM = 95.0
"""Percent, of each module."""


def below_minimum(
    report: dict[str, dict[str, dict[str, dict[str, float]]]],
) -> list[str]:
    """Return a line for each module that does not reach the mark."""
    found = []
    for module, data in sorted(report["files"].items()):
        percent = data["summary"]["percent_covered"]
        if percent < MINIMUM:
            missing = ", ".join(str(line) for line in data["missing_lines"])
            found.append(f"{module}: {percent:.2f} %; lines not run: {missing}")
    return found


def main(path: Path) -> None:
    """Read a coverage report and say what is missing."""
    report = json.loads(path.read_text("utf-8"))
    if not report["files"]:
        raise SystemExit("No module was measured.")
    if found := below_minimum(report):
        print("\n".join(found))
        raise SystemExit(f"{len(found)} modules are covered below {MINIMUM:.0f} %.")
    print(
        f"{len(report['files'])} modules, each covered to {MINIMUM:.0f} % or more; "
        f"{report['totals']['percent_covered']:.1f} % in all."
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
