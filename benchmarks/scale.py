"""What a house of 1, 30 and 300 locks costs, in a Home Assistant without a test around it.

    .venv/bin/python -m benchmarks.scale [--doors 1 30 300] [--against CHECKOUT]
        [--short] [--json FILE] [--profile FOLDER]

Each door has a lock and an update entity that come over a real MQTT broker; two of three
are guarded, one is watched. Each house lives in a process of its own: it is set up, ended,
started again with what it has kept, and goes through what happens in a house.

*CPU* is of the whole process. *block* is the most CPU time that the loop has worked without
looking whether anything else has come in (one turn of it); on a machine that has other work
the time by the clock says more about that than about this, so it is in the JSON only.
*collection* is the longest time in which Python has looked through all there is in the
process for what nobody refers to; it stops the loop too, and is not in *block*.
*writes* are of what Nightlatch keeps, *plans* are those that are made, *callbacks* are what
the loop has run, *memory* is the peak over what there was before. *house* is the same house
without Nightlatch, which nothing here can make faster. With ``--against`` the same is done
in turn with another checkout, and all is told as a part of that.
"""

import argparse
import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
import json
import os
from pathlib import Path
import socket
import sys
from tempfile import TemporaryDirectory
from typing import Any, Final

from tests.rig.mosquitto import running_broker
from tests.rig.mqtt_peer import MqttPeer

from .shape import Found, Row, Table, parser_of, tell

REPOSITORY: Final = Path(__file__).parents[1]
HOUSE: Final = Path(__file__).with_name("scale_house.py")
DOORS: Final = (1, 30, 300)
MOST_OF_OLD: Final = 100
"""Locks with which the other checkout is measured at the most."""
ALLOWANCE: Final = 1.2
"""How much more a lock may cost in a house of ten times as many."""
ROWS: Final = (
    "first set-up",
    "start",
    "first look",
    "broker away",
    "broker back",
    "all offers new",
    "one look",
    "reload",
)

type Rows = dict[str, dict[str, float]]


class Doors:
    """The doors of a house, and the broker that they speak over."""

    def __init__(self, number: int, port: int) -> None:
        """Prepare."""
        self._number = number
        self._port = port
        self._stack: AsyncExitStack

    async def open(self, version: str | None) -> None:
        """Let the broker come, and all doors with it."""
        self._stack = AsyncExitStack()
        broker = await self._stack.enter_async_context(running_broker(self._port))
        self._peer = MqttPeer(
            host=broker.host, port=broker.port, received=lambda _topic, _text: None
        )
        await self._peer.open(["nothing"], will=("doors", "gone"))
        self._stack.push_async_callback(self._peer.close)
        if version is not None:
            self.offer(version)

    async def close(self) -> None:
        """Let the broker go."""
        await self._stack.aclose()

    def offer(self, version: str) -> None:
        """Let all doors describe themselves, and tell of a version."""
        for number in range(self._number):
            self._describe(number)
        for number in range(self._number):
            self._peer.publish_json(
                f"door/{number}/update",
                {"installed_version": "1.0.0", "latest_version": version},
            )
            self._peer.publish(f"door/{number}/lock", "LOCKED")

    def _describe(self, number: int) -> None:
        common = {
            "device": {
                "identifiers": [f"door_{number}"],
                "name": f"Door {number}",
                "manufacturer": "Maker",
                "model": "M1",
                "sw_version": "1.0.0",
            },
            "name": None,
        }
        update: dict[str, Any] = {
            **common,
            "unique_id": f"door_{number}_update",
            "default_entity_id": f"update.door_{number}",
            "state_topic": f"door/{number}/update",
        }
        if number % 3 != 2:
            update |= {
                "command_topic": f"door/{number}/install",
                "payload_install": "install",
            }
        lock = {
            **common,
            "unique_id": f"door_{number}_lock",
            "default_entity_id": f"lock.door_{number}",
            "state_topic": f"door/{number}/lock",
            "command_topic": f"door/{number}/set",
        }
        for domain, config in (("update", update), ("lock", lock)):
            self._peer.publish_json(f"homeassistant/{domain}/{number}/config", config)


async def _live(life: str, doors: Doors, arguments: list[str], log: Path) -> Rows:
    """Let a house live one life; return what it has measured."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPATH", None)
    with log.open("ab") as said:
        house = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(HOUSE), life, *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=said,
            env=environment,
            cwd=log.parent,
        )
    assert house.stdin is not None
    assert house.stdout is not None
    try:
        async for line in house.stdout:
            if not line.startswith(b"{"):
                continue
            told = json.loads(line)
            if "rows" in told:
                rows: Rows = told["rows"]
                return rows
            match told["ask"]:
                case "offer":
                    doors.offer(told["version"])
                case "away":
                    await doors.close()
                case "back":
                    await doors.open(told["version"])
            house.stdin.write(b"done\n")
        raise RuntimeError(f"the house has ended:\n{end_of(log)}")
    finally:
        if house.returncode is None:
            house.kill()
        await house.wait()


async def measure(
    checkout: Path, number: int, *, alone: bool = False, profile: Path | None = None
) -> Rows:
    """Return the rows of a house with so many doors."""
    with TemporaryDirectory(prefix="scale-") as made:
        folder = Path(made)
        furnish(folder, checkout)
        port = free_port()
        arguments = [
            *("--folder", str(folder), "--doors", str(number), "--port", str(port)),
            *("--http-port", str(free_port())),
            *(("--alone",) if alone else ()),
            *(("--profile", str(profile)) if profile else ()),
        ]
        rows: Rows = {}
        for life in ("first", "second"):
            doors = Doors(number, port)
            await doors.open(None if life == "first" else "1.0.0")
            try:
                rows |= await _live(life, doors, arguments, folder / "log")
            finally:
                await doors.close()
        return rows


def furnish(folder: Path, checkout: Path) -> None:
    """Put a Nightlatch where Home Assistant looks for it."""
    there = folder / "custom_components"
    there.mkdir()
    (there / "nightlatch").symlink_to(
        checkout.resolve() / "custom_components" / "nightlatch",
        target_is_directory=True,
    )
    (folder / "configuration.yaml").touch()


def end_of(log: Path) -> str:
    """Return what a house has said last."""
    return log.read_text()[-4000:]


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def table_of(number: int, here: Rows, alone: Rows, against: Rows | None) -> Table:
    """Return the table of one house."""
    rows = []
    for name in ROWS:
        row, house = here[name], alone.get(name, {})
        old: Mapping[str, float] = against[name] if against else {}
        rows.append(
            Row(
                name=name,
                figures={
                    "CPU s": row["cpu_s"],
                    "house": house.get("cpu_s"),
                    "block ms": row["block_ms"],
                    "house's block": house.get("block_ms"),
                    "old block": old.get("block_ms"),
                    "collection": row["collection_ms"],
                    "writes": row["writes"],
                    "plans": row["plans"],
                    "callbacks": row["callbacks"],
                    "memory MB": row["memory_mb"],
                },
                baseline=old.get("cpu_s"),
            )
        )
    of = "the CPU time of the other checkout" if against else "none"
    return Table(name=f"{number} locks", of=of, rows=rows)


def linear(found: Mapping[int, Rows]) -> Table:
    """Return what the largest house costs of each lock, against a smaller one."""
    few, many = sorted(found)[-2:]
    rows = [
        Row(
            name=name,
            figures={"CPU s": found[many][name]["cpu_s"]},
            baseline=found[few][name]["cpu_s"] * many / few * ALLOWANCE,
        )
        for name in ROWS
    ]
    return Table(
        name=f"{many} locks against {few}",
        of=f"{ALLOWANCE} times as much for each lock",
        rows=rows,
    )


async def run(arguments: argparse.Namespace) -> Found:
    """Measure all houses, one after the other."""
    tables, houses = [], {}
    for number in arguments.doors:
        alone = await measure(REPOSITORY, number, alone=True)
        here = await measure(REPOSITORY, number, profile=arguments.profile)
        against = None
        # It does not come to its end with more.
        if arguments.against is not None and number <= MOST_OF_OLD:
            against = await measure(arguments.against, number)
        tables.append(table_of(number, here, alone, against))
        houses[number] = here
    if len(houses) > 1:
        tables.append(linear(houses))
    return Found(tables=tables)


def main() -> int:
    """Print the tables."""
    parser = parser_of(__doc__)
    parser.add_argument("--doors", type=int, nargs="+")
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument(
        "--profile", type=Path, help="a folder for profiles, which exists"
    )
    arguments = parser.parse_args()
    if arguments.doors is None:
        arguments.doors = DOORS[:2] if arguments.short else DOORS
    return tell(asyncio.run(run(arguments)), arguments)


if __name__ == "__main__":
    sys.exit(main())
