"""The rooms of the house, lowest first: which module stands where, and who uses whom.

    python -m tests.contract.rooms      draws them anew into docs/architecture.md

A module may import from its own room and from those before it. What several modules
import at the top level of the package is a room too: there is one file each, and it has
the name of the room.
"""

from functools import cache
from pathlib import Path
from typing import Final

from .imports import MODULES, own_imports

ROOMS: Final[dict[str, frozenset[str]]] = {
    "core": frozenset(),
    "ground": frozenset(
        {
            "caches",
            "const",
            "events",
            "faults",
            "following",
            "household_settings",
            "issue",
            "lock_view",
            "markup",
            "members",
            "redraw",
            "rights",
            "settings",
            "translation",
            "turns",
        }
    ),
    "adapters": frozenset(),
    "coordinator": frozenset({"coordinator"}),
    "locks": frozenset(),
    "discovery": frozenset(),
    "vault": frozenset(),
    "indexes": frozenset({"indexes"}),
    "kinds": frozenset(),
    "planning": frozenset(),
    "texts": frozenset(),
    "snapshots": frozenset(),
    "install": frozenset(),
    "monitoring": frozenset(),
    "notifications": frozenset(),
    "issues": frozenset(),
    "scheduler": frozenset({"scheduler"}),
    "runtime": frozenset({"runtime", "subentries"}),
    "report": frozenset(),
    "flows": frozenset(),
    "entity": frozenset({"entity"}),
    "panel": frozenset(),
    "actions": frozenset(),
}
"""By room: its modules where they lie at the top level; else it is a package."""
ENTRANCE: Final = "entrance"
"""What Home Assistant loads: platforms and whatever else it looks for by name."""
ORDER: Final = (*ROOMS, ENTRANCE)

_DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "architecture.md"
_BEGIN: Final = "<!-- drawn by tests/contract/rooms.py: begin -->\n"
_END: Final = "<!-- drawn by tests/contract/rooms.py: end -->\n"


@cache
def room_of(module: str) -> str:
    """Return the room that a module stands in."""
    package = module.partition(".")[0]
    if package in ROOMS and not ROOMS[package]:
        return package
    return next((name for name, files in ROOMS.items() if module in files), ENTRANCE)


def arrows() -> set[tuple[str, str]]:
    """Return which room uses which."""
    return {
        (room_of(module), room_of(used))
        for module in MODULES
        for used in own_imports(module)
    }


def drawn() -> str:
    """Return the picture: an arrow is left out where a longer way says the same."""
    uses: dict[str, set[str]] = {room: set() for room in ORDER}
    for upper, lower in arrows():
        if upper != lower:
            uses[upper].add(lower)
    lines = ["```mermaid", "flowchart BT"]
    for room in ORDER:
        files = sum(room_of(module) == room for module in MODULES)
        lines.append(f'    {room}["{room} ({files})"]')
    for room in ORDER:
        direct = uses[room]
        lines.extend(
            f"    {room} --> {lower}"
            for lower in sorted(direct, key=ORDER.index)
            if not any(lower in _reached(each, uses) for each in direct - {lower})
        )
    return "\n".join([*lines, "```", ""])


def _reached(room: str, uses: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = uses[room]
    while todo:
        found |= set(todo)
        todo = {lower for each in todo for lower in uses[each]} - found
    return found


def shown() -> str:
    """Return the picture that the document has."""
    text = _DOCUMENT.read_text("utf-8")
    return text.partition(_BEGIN)[2].partition(_END)[0]


if __name__ == "__main__":
    before, _, rest = _DOCUMENT.read_text("utf-8").partition(_BEGIN)
    _DOCUMENT.write_text(f"{before}{_BEGIN}{drawn()}{_END}{rest.partition(_END)[2]}")
