"""The table of what was tried against a home: attack, tries, result.

A test of an attack says what it has tried with the fixture ``attack``. The lines come
back from the workers with the reports of the tests, so the table is whole however many
of them there are.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

_PROPERTY = "attack"

type Tried = Callable[[str, int, str], None]
"""Takes what was tried, how often, and what came of it."""


@pytest.fixture
def attack(record_property: Callable[[str, object], None]) -> Tried:
    """Add a line to the table at the end of the run."""

    def tried(name: str, tries: int, result: str) -> None:
        assert tries > 0, "an attack that was not tried shows nothing"
        record_property(_PROPERTY, (name, tries, result))

    return tried


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the table."""
    lines = sorted(_lines(terminalreporter.stats.get("passed", ())))
    if not lines:
        return
    terminalreporter.section("attacks")
    width = max(len(name) for _, name, _, _ in lines)
    family = None
    for of, name, tries, result in lines:
        if of != family:
            terminalreporter.write_line(of)
            family = of
        terminalreporter.write_line(f"  {name:{width}}  {tries:>9,}  {result}")


def _lines(reports: Any) -> Iterator[tuple[str, str, int, str]]:
    for report in reports:
        family = report.nodeid.partition("::")[0].rpartition("/")[2]
        for key, value in report.user_properties:
            if key == _PROPERTY and report.when == "call":
                name, tries, result = value
                yield family, name, tries, result
