"""Who may do what: what people are told is what the code does."""

import re

import pytest

from custom_components.nightlatch.phone_actions import DEEDS, Verb
from custom_components.nightlatch.rights import ACTIONS, RIGHTS, Deed

from .integration import ROOT, load_yaml, translations

_DOCS = ROOT.parents[1] / "docs" / "actions.md"


def table() -> dict[str, tuple[str, str, str]]:
    """Return the rows of the table, by what is done."""
    text = _DOCS.read_text("utf-8")
    section = text.partition("### Who may do what\n")[2].partition("\n###")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ][2:]
    return {what: (who, automations, ways) for what, who, automations, ways in rows}


def row_of(deed: Deed) -> tuple[str, str, str]:
    """Return what people are told of a deed."""
    return table()[deed.replace("_", " ")]


def test_every_deed_has_its_right_and_its_row() -> None:
    """And no row is left over."""
    assert RIGHTS.keys() == set(Deed)
    assert table().keys() == {deed.replace("_", " ") for deed in Deed}


@pytest.mark.parametrize("deed", Deed)
def test_the_docs_say_who_may(deed: Deed) -> None:
    """As the code does."""
    right = RIGHTS[deed]
    who, automations, ways = row_of(deed)
    assert who == right.who
    assert automations == ("no" if right.needs_person else "yes")
    assert ways


def test_every_action_is_in_the_table() -> None:
    """Where it is described, where it is registered, and where people read of it."""
    assert ACTIONS.keys() == load_yaml("services.yaml").keys()
    for name, deed in ACTIONS.items():
        assert f"`{name}`" in row_of(deed)[2]


def test_no_other_action_is_told_of() -> None:
    """A row tells what there is."""
    told = {
        name
        for _, _, ways in table().values()
        for name in re.findall(r"`([a-z_]+)`", ways)
    }
    assert told - ACTIONS.keys() == {"overrides", "accept_security_risk"}


@pytest.mark.parametrize("verb", Verb)
def test_every_button_is_in_the_table(verb: Verb) -> None:
    """Under the name that it has on the phone."""
    title = translations()["exceptions"][f"button_{verb}"]["message"]
    assert f"*{title}* on a phone" in row_of(DEEDS[verb])[2]
