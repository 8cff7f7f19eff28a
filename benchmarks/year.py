"""A year in a house of 30 locks, in minutes: does anything grow without end, or chatter?

    .venv/bin/python -m benchmarks.year [--doors 30] [--days 365] [--short] [--json FILE]

A real Home Assistant with its recorder on SQLite lives through it on a clock that goes on
as soon as nothing is to be done (``benchmarks/year_house.py``). Two of three locks are
guarded, one is watched, all by an integration whose entities are Home Assistant's own. In
that year come a release a month for each of three models, and the nights that install it:
one in twelve fails, one in twenty-five falls back. Batteries sink and are changed; bolts
and doors are used; the maker's hub is away for an afternoon and for two days each month;
Home Assistant restarts each month; people come and go, approve, postpone and skip; the
clocks are put forward and back.

Each row is a figure of the end of the year or, where that is said, the most there was, and
its bound. What the audit log is allowed is told with it: it grows by what happens, until
it is cut. *growth* is from the third month, when everything has happened once, to the end.
"""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

from .scale import end_of, free_port, furnish
from .shape import Found, Row, Table, parser_of, tell

REPOSITORY: Final = Path(__file__).parents[1]
SETTLED_MONTH: Final = 3
"""When all that happens in a month has happened several times."""

type Month = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a figure may be at the most."""

    name: str
    key: str
    most: float
    a_lock: float = 0
    """What is added for each lock."""
    growth: bool = False
    """Whether it is what has come since the house has settled."""

    def allowed(self, doors: int) -> float:
        """Return it for a house."""
        return self.most + self.a_lock * doors

    def value(self, months: Sequence[Month]) -> float:
        """Return the figure: the most of all months, or the growth."""
        figures = [float(month[self.key]) for month in months]
        if not self.growth:
            return max(figures)
        settled = figures[min(SETTLED_MONTH, len(figures)) - 1]
        return max(0.0, figures[-1] - settled)


BOUNDS: Final = (
    Bound(name="memory, MB", key="rss_mb", most=250, a_lock=2.7),
    Bound(name="memory, growth, MB", key="rss_mb", most=12, growth=True),
    Bound(
        name="objects of ours, growth", key="objects", most=100, a_lock=10, growth=True
    ),
    Bound(name=".storage of ours, bytes", key="storage_bytes", most=8 * 1024**2 + 64e6),
    Bound(name="store, bytes", key="store_bytes", most=8_192, a_lock=32_768),
    Bound(name="audit log, bytes", key="audit_bytes", most=8 * 1024**2),
    Bound(name="vault, bytes", key="vault_bytes", most=64e6),
    Bound(name="files of ours", key="files", most=24, a_lock=2),
    Bound(name="rows an entity a day", key="rows_per_entity_day", most=8),
    Bound(name="states a day, the busiest entity", key="changes_busiest_day", most=96),
    Bound(name="minutes on end with another state", key="minutes_on_end", most=30),
    Bound(name="largest attributes, bytes", key="largest_attributes", most=16_384),
    Bound(name="repairs", key="repairs", most=10, a_lock=1),
    Bound(name="repairs, growth", key="issues", most=3, a_lock=0.2, growth=True),
    Bound(name="notifications", key="notifications", most=10, a_lock=1),
    Bound(name="tasks", key="tasks", most=12),
    Bound(name="listeners, growth", key="listeners", most=2, growth=True),
    Bound(name="timers, growth", key="timers", most=8, growth=True),
)
"""What a house may come to. Who raises one, says in docs/performance.md why."""


async def live(
    doors: int,
    days: int,
    *,
    kept: Path | None = None,
    every: int | None = None,
    checkout: Path = REPOSITORY,
) -> list[Month]:
    """Let a house live so many days; return what each month came to.

    It is ``kept`` as soon as each is over. A month is ``every`` so many days, if told so.
    """
    with TemporaryDirectory(prefix="year-") as made:
        folder = Path(made)
        furnish(folder, checkout)
        there = folder / "custom_components"
        (there / "__init__.py").touch()
        (there / "year_doors").symlink_to(
            REPOSITORY / "benchmarks" / "year_doors", target_is_directory=True
        )
        log = folder / "log"
        with log.open("ab") as said:
            house = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "benchmarks.year_house"),
                *("--folder", str(folder), "--http-port", str(free_port())),
                *("--doors", str(doors), "--days", str(days)),
                *(("--every", str(every)) if every else ()),
                stdout=asyncio.subprocess.PIPE,
                stderr=said,
                env={
                    **os.environ,
                    "PYTHONHASHSEED": "0",
                    "PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}",
                },
                cwd=folder,
                limit=2**20,
            )
        assert house.stdout is not None
        months: list[Month] = []
        try:
            async for line in house.stdout:
                if line.startswith(b"{"):
                    months.append(json.loads(line))
                    print(_line(months[-1]), file=sys.stderr, flush=True)
                    if kept is not None:
                        _keep(months, kept)
            if await house.wait() or not months:
                raise RuntimeError(f"the house has ended:\n{end_of(log)}")
        finally:
            if house.returncode is None:
                house.kill()
                await house.wait()
        return months


def _keep(months: Sequence[Month], there: Path) -> None:
    there.write_text(json.dumps(months, indent=2) + "\n", "utf-8")


def _line(month: Month) -> str:
    return (
        f"{month['date']}: {month['rss_mb']:.0f} MB, {month['objects']:,} objects,"
        f" {month['storage_bytes']:,} B, {month['rows']:,} rows,"
        f" {month['repairs']} repairs"
    )


def judge(months: Sequence[Month], doors: int) -> Found:
    """Hold what a house came to against the bounds."""
    rows = [
        Row(
            name=bound.name,
            figures={
                "figure": bound.value(months),
                "first month": float(months[0][bound.key]),
                "last month": float(months[-1][bound.key]),
            },
            baseline=bound.allowed(doors),
        )
        for bound in BOUNDS
    ]
    missed = [
        f"{row.name}: {row.figures['figure']:,.0f} of {row.baseline:,.0f}"
        for row in rows
        if row.ratio is not None and row.ratio > 1
    ]
    table = Table(
        name=f"{doors} locks, {months[-1]['day']} days", of="the bound", rows=rows
    )
    return Found(tables=[table], missed=missed)


def main() -> int:
    """Live, and print the table; return 1 where a bound is broken."""
    parser = parser_of(__doc__)
    parser.add_argument("--doors", type=int, default=30)
    parser.add_argument("--days", type=int)
    parser.add_argument("--months", type=Path, help="where to write all months")
    arguments: argparse.Namespace = parser.parse_args()
    days = arguments.days or (45 if arguments.short else 365)
    months = asyncio.run(live(arguments.doors, days, kept=arguments.months))
    return tell(judge(months, arguments.doors), arguments)


if __name__ == "__main__":
    sys.exit(main())
