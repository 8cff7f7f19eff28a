"""Each language says all that English says, with the same names in it."""

import importlib.util
import json
from pathlib import Path
import re
from types import ModuleType
from typing import Any
import unicodedata

import hass_frontend
import pytest

import custom_components.nightlatch as integration

SCRIPT = Path(__file__).parents[2] / "scripts" / "translations.py"
TEXTS = Path(integration.__file__).parent / "translations"
FRONTEND = Path(hass_frontend.__file__).parent / "static" / "translations"
ENGLISH = {
    "exceptions": {
        "gone": {"message": "{lock} is gone. See [help](https://example.org/a)."},
        "code": {"message": "Type `123456` for {lock}\nand go on."},
    },
    "entity": {"name": "Firmware"},
}
GERMAN = {
    "exceptions.gone.message": "{lock} ist weg. Siehe [Hilfe](https://example.org/a).",
    "exceptions.code.message": "`123456` für {lock} eingeben\nund weitermachen.",
    "entity.name": "Firmware",
}


@pytest.fixture
def script() -> ModuleType:
    """Return the script that keeps the languages in step."""
    spec = importlib.util.spec_from_file_location("translations", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Return a folder with English texts."""
    (tmp_path / "texts").mkdir()
    put(tmp_path / "texts", ENGLISH)
    return tmp_path / "texts"


def put(texts: Path, english: dict[str, Any]) -> None:
    """Write English texts."""
    (texts / "en.json").write_text(json.dumps(english), "utf-8")


def test_every_language_is_whole(script: ModuleType) -> None:
    """Nothing missing, nothing English, no name lost, nothing made of another text."""
    assert not list(script.check(script.TEXTS, script.MADE_OF))


def test_what_was_taken_is_whole(script: ModuleType, texts: Path) -> None:
    """In the order of the English texts, whatever order it came in."""
    marks = texts.parent / "marks.json"
    script.take(texts, marks, "de", dict(reversed(GERMAN.items())))
    assert not list(script.check(texts, marks))
    assert list(script.read(texts, "de")) == list(script.read(texts, "en"))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("entity.name", " ", "is empty"),
        ("exceptions.gone.message", "Weg ist es.", "{lock}"),
        (
            "exceptions.gone.message",
            "{lock} ist weg. Siehe [Hilfe](https://example.org/b).",
            "https://example.org/b",
        ),
        (
            "exceptions.code.message",
            "`123456` für {lock} eingeben und weitermachen.",
            "lines",
        ),
        ("exceptions.code.message", "`654321` für {lock}\neingeben.", "`123456`"),
        (
            "exceptions.gone.message",
            "{lock} is gone. See [help](https://example.org/a). Und which?",
            "which",
        ),
        (
            "exceptions.code.message",
            ENGLISH["exceptions"]["code"]["message"],  # type: ignore[index]
            "is English",
        ),
    ],
)
def test_a_bad_translation_is_found(
    script: ModuleType, texts: Path, name: str, text: str, said: str
) -> None:
    """Before it is taken, and in a file that was changed by hand."""
    marks = texts.parent / "marks.json"
    with pytest.raises(SystemExit, match=name):
        script.take(texts, marks, "de", GERMAN | {name: text})
    script.take(texts, marks, "de", GERMAN)
    script.write(texts, "de", GERMAN | {name: text}, script.read(texts, "en"))
    (problem,) = script.check(texts, marks)
    assert name in problem
    assert said in problem


def test_what_is_missing_or_too_much_is_found(script: ModuleType, texts: Path) -> None:
    """A new English text, and one that is there no more."""
    marks = texts.parent / "marks.json"
    script.take(texts, marks, "de", GERMAN)
    put(texts, {**ENGLISH, "title": "New"})
    assert "title" in str(list(script.check(texts, marks)))
    put(texts, {"exceptions": ENGLISH["exceptions"]})
    assert "entity.name is no text of ours" in str(list(script.check(texts, marks)))


def test_a_changed_english_text_asks_for_the_others(
    script: ModuleType, texts: Path
) -> None:
    """Else a language goes on saying what is not so any more."""
    marks = texts.parent / "marks.json"
    script.take(texts, marks, "de", GERMAN)
    put(texts, {**ENGLISH, "entity": {"name": "Software"}})
    (problem,) = script.check(texts, marks)
    assert "entity.name" in problem
    assert script.outdated(texts, marks) == 1
    assert "entity.name" not in script.read(texts, "de")
    script.take(texts, marks, "de", {"entity.name": "Programm"})
    assert not list(script.check(texts, marks))


# How English names the button in the dialog of an update.
BUTTON_NAMED = re.compile(
    r"[Pp]ress(es)? \*?Update\b|\bUpdate (installs|tries|and Skip)"
)
BUTTON = "ui.dialogs.more_info_control.update.update"


@pytest.mark.parametrize("language", sorted(each.stem for each in TEXTS.glob("*.json")))
def test_the_button_of_an_update_has_home_assistants_own_name(
    script: ModuleType, language: str
) -> None:
    """Whoever is told to press it finds it under that name."""
    (path,) = FRONTEND.glob(f"{language}-{'?' * 32}.json")
    button = json.loads(path.read_text("utf-8"))[BUTTON]
    naming = [
        key
        for key, text in script.read(TEXTS, "en").items()
        if BUTTON_NAMED.search(text)
    ]
    assert naming
    ours = script.read(TEXTS, language)
    assert [key for key in naming if button not in ours[key]] == []


def test_a_menu_fits_on_a_phone(script: ModuleType) -> None:
    """Home Assistant cuts off what is longer than one line of 390 pixels."""
    for path in TEXTS.glob("*.json"):
        texts = dict(script.flat(json.loads(path.read_text("utf-8"))))
        for name, text in texts.items():
            if ".menu_options." in name:
                wide = sum(
                    1 + (unicodedata.east_asian_width(char) == "W") for char in text
                )
                assert wide <= 38, f"{path.stem}: {name}"


def test_no_text_names_a_button_that_the_dialog_does_not_have(
    script: ModuleType,
) -> None:
    """It was called *Install* once."""
    named = re.compile(r"[Pp]ress(es)? \*?Install\b|\bInstall (installs|tries)\b")
    english = script.read(TEXTS, "en")
    assert [key for key, text in english.items() if named.search(text)] == []
