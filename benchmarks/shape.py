"""What all benchmarks have in common: tables of rows, each held against a baseline.

A module of this package that measures something has ``run``, which returns what it has
found; ``scripts/bench`` runs all of them, ``python -m benchmarks.NAME`` one.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
from typing import Final

WIDEST: Final = 46
"""Characters for the name of a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table."""

    name: str
    figures: Mapping[str, float | None]
    """By the heads of the columns; None for what fails, or makes no sense."""
    baseline: float | None = None
    """What the first figure is held against."""

    @property
    def ratio(self) -> float | None:
        """Return which part of the baseline the first figure is."""
        measured = next(iter(self.figures.values()))
        if measured is None or not self.baseline:
            return None
        return measured / self.baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows with the same columns."""

    name: str
    of: str
    """What the baseline is."""
    rows: Sequence[Row]

    def lines(self) -> list[str]:
        """Return it as people read it."""
        columns = list(dict.fromkeys(key for row in self.rows for key in row.figures))
        widths = [max(11, len(column) + 2) for column in columns]
        head = "".join(
            f"{column:>{width}}" for column, width in zip(columns, widths, strict=True)
        )
        lines = [
            f"{self.name}   (baseline: {self.of})",
            f"{'':{WIDEST}}{head}{'baseline':>11}{'ratio':>8}",
        ]
        for row in self.rows:
            told = "".join(
                f"{_shown(row.figures.get(column)):>{width}}"
                for column, width in zip(columns, widths, strict=True)
            )
            ratio = f"{row.ratio:.3f}" if row.ratio is not None else ""
            lines.append(
                f"{row.name:{WIDEST}}{told}{_shown(row.baseline):>11}{ratio:>8}"
            )
        return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a benchmark has found."""

    tables: Sequence[Table]
    missed: Sequence[str] = field(default_factory=list)
    """Which promises it breaks."""

    def as_json(self) -> dict[str, object]:
        """Return it with all ratios, for another program."""
        return {
            "tables": [
                {
                    "name": table.name,
                    "baseline": table.of,
                    "rows": [{**asdict(row), "ratio": row.ratio} for row in table.rows],
                }
                for table in self.tables
            ],
            "missed": list(self.missed),
        }


def _shown(figure: float | None) -> str:
    if figure is None:
        return ""
    if figure == int(figure) and abs(figure) < 1e15:
        return f"{int(figure):,}"
    return f"{figure:.3f}" if abs(figure) < 1000 else f"{figure:,.1f}"


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """Return what every benchmark can be asked for."""
    parser = argparse.ArgumentParser(
        description=(description or "").partition("\n")[0],
    )
    parser.add_argument(
        "--short", action="store_true", help="a quick look: less of everything"
    )
    parser.add_argument("--json", type=Path, help="where to write all figures")
    return parser


def tell(found: Found, arguments: argparse.Namespace) -> int:
    """Print what was found, and write it; return 1 where a promise is missed."""
    for table in found.tables:
        print(*table.lines(), "", sep="\n", flush=True)
    for line in found.missed:
        print(f"MISSED: {line}")
    if arguments.json is not None:
        told = json.dumps(found.as_json(), indent=2)
        arguments.json.write_text(told + "\n", "utf-8")
    return 1 if found.missed else 0


def main_of_a_disk(
    description: str | None,
    run: Callable[[bool], Found],
    measure: Callable[[Path, bool], Found],
) -> int:
    """Run a benchmark of a disk as a program: ``measure`` it where a folder is named."""
    parser = parser_of(description)
    parser.add_argument("folder", type=Path, nargs="?", help="of the disk to measure")
    arguments = parser.parse_args()
    if arguments.folder is None:
        return tell(run(arguments.short), arguments)
    return tell(measure(arguments.folder, arguments.short), arguments)


def main(description: str | None, run: Callable[[bool], Found]) -> int:
    """Run a benchmark as a program: ``run`` is told whether a quick look is enough."""
    arguments = parser_of(description).parse_args()
    return tell(run(arguments.short), arguments)
