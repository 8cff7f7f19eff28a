"""What is promised has a test: docs/security.md names it, and it exists."""

import ast
from functools import cache
import re

import pytest

from .integration import ROOT

_REPOSITORY = ROOT.parents[1]
_PAGE = (_REPOSITORY / "docs" / "security.md").read_text("utf-8")
_NAMED = re.compile(r"`([a-z_/]+/test_[a-z_0-9]+\.py)::(test_[a-z_0-9]+)`")
_STANDARDS = {
    "ETSI EN 303 645, 5.3": [f"5.3-{number}" for number in range(1, 17)],
    "NIST IR 8259A, software update": [str(number) for number in range(1, 7)],
    "OWASP ISVS, V3.4": [f"3.4.{number}" for number in range(1, 14)],
    "Cyber Resilience Act, Annex I": [
        *(f"I 2 {letter}" for letter in "abcdefghl"),
        *(f"II {number}" for number in range(1, 9)),
    ],
    "RFC 9124, security requirements": [
        "SEQUENCE",
        "COMPATIBLE",
        "EXP",
        "AUTHENTIC",
        "AUTH.IMG_TYPE",
        "AUTH.IMG_LOC",
        "AUTH.REMOTE_LOC",
        "AUTH.EXEC",
        "AUTH.PRECURSOR",
        "AUTH.COMPATIBILITY",
        "RIGHTS",
        "IMG.CONFIDENTIALITY",
        "ACCESS_CONTROL",
        "MFST.CONFIDENTIALITY",
        "IMG.COMPLETE_DIGEST",
        "REPORTING",
        "KEY.PROTECTION",
        "KEY.ROTATION",
        "MFST.CHECK",
        "MFST.TRUSTED",
        "MFST.CONST",
    ],
}


@cache
def names_of(file: str) -> frozenset[str]:
    """Return the names of the tests of a file; none where there is no such file."""
    path = _REPOSITORY / "tests" / file
    if not path.is_file():
        return frozenset()
    return frozenset(
        node.name
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )


def rows(heading: str) -> list[list[str]]:
    """Return the rows of the table under a heading."""
    section = re.split(rf"^#+ {re.escape(heading)}$", _PAGE, flags=re.MULTILINE)[1]
    section = re.split(r"^#", section, flags=re.MULTILINE)[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ][2:]


@pytest.mark.parametrize(("file", "name"), sorted(set(_NAMED.findall(_PAGE))))
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    """Under the name by which people look for it."""
    assert name in names_of(file)


def test_nothing_looks_like_a_test_and_is_not_looked_for() -> None:
    """A slip in a name must not take it out of what is held here."""
    assert _PAGE.count("::") == len(_NAMED.findall(_PAGE))


def test_every_promise_has_its_test() -> None:
    """There is none without."""
    promises = rows("Promises")
    assert len(promises) >= 20
    for promise, proof in promises:
        assert _NAMED.search(proof), promise


@pytest.mark.parametrize("standard", _STANDARDS)
def test_every_line_of_a_standard_is_answered(standard: str) -> None:
    """With a test, or with whose it is; none is left out, and none is made up."""
    table = rows(standard)
    assert [row[0] for row in table] == _STANDARDS[standard]
    for line, in_short, answer in table:
        assert in_short, line
        assert _NAMED.search(answer) or answer.startswith("not ours"), line
