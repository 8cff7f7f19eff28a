"""What a house of 1, 30 and 300 locks costs, in a Home Assistant without a test around it.

    .venv/bin/python -m benchmarks.scale [--doors 1 30 300] [--against CHECKOUT]
        [--json FILE] [--profile FOLDER]

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

REPOSITORY: Final = Path(__file__).parents[1]
HOUSE: Final = Path(__file__).with_name("scale_house.py")
DOORS: Final = (1, 30, 300)
ROWS: Final = (
    "first set-up",
    "start",
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
        raise RuntimeError(f"the house has ended:\n{_end_of(log)}")
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
        _furnish(folder, checkout)
        port = _free_port()
        arguments = [
            *("--folder", str(folder), "--doors", str(number), "--port", str(port)),
            *("--http-port", str(_free_port())),
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


def _furnish(folder: Path, checkout: Path) -> None:
    """Put a Nightlatch where Home Assistant looks for it."""
    there = folder / "custom_components"
    there.mkdir()
    (there / "nightlatch").symlink_to(
        checkout.resolve() / "custom_components" / "nightlatch",
        target_is_directory=True,
    )
    (folder / "configuration.yaml").touch()


def _end_of(log: Path) -> str:
    return log.read_text()[-4000:]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _ratio(here: float, there: float | None) -> str:
    return f"{here / there:8.4f}" if there else " " * 8


def show(number: int, here: Rows, alone: Rows, against: Rows | None) -> list[str]:
    """Return the table of one house."""
    lines = [
        f"{number} locks",
        f"{'':15}{'CPU s':>9}{'house':>9}{'block ms':>10}{'house':>9}"
        f"{'collection':>12}"
        f"{'writes':>8}{'plans':>8}{'callbacks':>11}{'memory MB':>11}"
        + (f"{'CPU/old':>10}{'block/old':>10}" if against else ""),
    ]
    for name in ROWS:
        row, house = here[name], alone.get(name, {})
        old: Mapping[str, float] = against[name] if against else {}
        lines.append(
            f"{name:15}{row['cpu_s']:9.3f}{house.get('cpu_s', 0):9.3f}"
            f"{row['block_ms']:10.1f}{house.get('block_ms', 0):9.1f}"
            f"{row['collection_ms']:12.1f}"
            f"{row['writes']:8.0f}{row['plans']:8.0f}{row['callbacks']:11.0f}"
            f"{row['memory_mb']:11.1f}"
            + (
                f"  {_ratio(row['cpu_s'], old.get('cpu_s'))}"
                f"  {_ratio(row['block_ms'], old.get('block_ms'))}"
                if against
                else ""
            )
        )
    return lines


async def run(arguments: argparse.Namespace) -> dict[str, dict[str, Rows]]:
    """Measure all houses, one after the other."""
    found: dict[str, dict[str, Rows]] = {}
    for number in arguments.doors:
        told = found[str(number)] = {
            "house": await measure(REPOSITORY, number, alone=True),
            "here": await measure(REPOSITORY, number, profile=arguments.profile),
        }
        if arguments.against is not None:
            told["against"] = await measure(arguments.against, number)
        print(
            *show(number, told["here"], told["house"], told.get("against")),
            "",
            sep="\n",
            flush=True,
        )
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(found, indent=2))
    return found


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="What a house of many locks costs.")
    parser.add_argument("--doors", type=int, nargs="+", default=DOORS)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    parser.add_argument("--profile", type=Path, help="a folder for profiles")
    asyncio.run(run(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
