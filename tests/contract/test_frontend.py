"""The file that draws panel and card: built from its sources, small, with all its texts."""

from functools import cache
from hashlib import sha256
import re
from typing import Final

from .integration import ROOT, leaves, placeholders, translations

SOURCES: Final = ROOT.parents[1] / "frontend"
BUILT: Final = ROOT / "frontend" / "nightlatch.js"
LARGEST: Final = 60_000

# Keys that the code puts together, by the part that stands there.
COMPOSED: Final = {
    "tone": {"good", "waits", "stopped", "idle"},
    "deed": {"install", "approve", "tomorrow", "skip", "cancel", "go_back"},
    "ask": {
        f"{deed}{part}"
        for deed in ("install", "approve", "go_back")
        for part in ("", "_means", "_yes")
    },
    "editor": {"hours", "locks", "history", "household"},
    "household": {"evidence", "way_back", "report"},
}


@cache
def code() -> str:
    """Return all of the sources in one."""
    return "\n".join(
        path.read_text("utf-8") for path in sorted((SOURCES / "src").glob("*.js"))
    )


def test_the_built_file_is_that_of_its_sources() -> None:
    """After a change of ``frontend/`` run ``scripts/frontend``."""
    names = sorted(
        ["build.mjs", "package.json", "package-lock.json"]
        + [f"src/{path.name}" for path in (SOURCES / "src").iterdir()]
    )
    digest = sha256()
    for name in names:
        digest.update(f"{name}\0{(SOURCES / name).read_text('utf-8')}\0".encode())
    first = BUILT.read_text("utf-8").partition("\n")[0]
    assert first.endswith(f"sources: {digest.hexdigest()}")


def test_the_built_file_is_small_and_bears_its_licences() -> None:
    """Everybody's phone loads it."""
    built = BUILT.read_bytes()
    assert len(built) < LARGEST
    for licence in (b"BSD 3-Clause License", b"Google LLC", b"Apache License 2.0"):
        assert licence in built


def test_nothing_is_drawn_around_what_escapes() -> None:
    """All that is shown goes through Lit's templates."""
    for way in ("innerHTML", "outerHTML", "unsafeHTML", "insertAdjacentHTML", "eval("):
        assert way not in code()


def test_the_element_has_every_text_and_none_is_left_over() -> None:
    """By the keys that stand in its code."""
    there = {".".join(path[1:]) for path in _paths()}
    named = set(re.findall(r"""["'`]([a-z_]+\.[a-z_]+)["'`]""", code()))
    composed = {f"{part}.{key}" for part, keys in COMPOSED.items() for key in keys}
    for part in COMPOSED:
        assert f"`{part}.${{" in code(), part
    asked = set(re.findall(r"""\btext\??\.?\(\s*"([a-z_.]+)\"""", code()))
    assert asked | composed <= there
    assert there <= named | composed


def test_every_placeholder_of_the_element_is_filled() -> None:
    """By a name that stands in its code."""
    for path, text in leaves(translations()["config_panel"]):
        for name in placeholders(text):
            assert re.search(rf"\b{name}\b\s*[:,}}]", code()), path


def _paths() -> list[tuple[str, ...]]:
    return [
        ("config_panel", part, key)
        for part, keys in translations()["config_panel"].items()
        for key in keys
    ]
