"""Keep the texts in other languages in step with the English ones.

    scripts/translations.py missing LANG      the English texts that LANG has not, as JSON
    scripts/translations.py take LANG FILE    put translations of them, as JSON, in place
    scripts/translations.py outdated          take out what was made of another English text
    scripts/translations.py check             say what is wrong; ends with 0 if nothing is

A text has the name of its place: ``exceptions.bad_code.message``. Of which English text
the translations were made stands in ``scripts/translated.json``, so that who changes an
English text is told that the others say something else now.
"""

from collections.abc import Iterator
import json
from pathlib import Path
import re
import sys
from typing import Any
import zlib

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "custom_components" / "nightlatch" / "translations"
MADE_OF = ROOT / "scripts" / "translated.json"
ENGLISH = "en"

# What must be in a translation exactly as it is in English, however often.
_KEPT = re.compile(r"\{[a-z][a-z0-9_]*\}|`[^`]+`|https?://[^\s)]+|</?[a-z]+>")
# Words that none of our languages knows: where one of them stands, a sentence was left.
_LEFT = re.compile(r"\b(the|your|which|should|would|cannot)\b", re.IGNORECASE)
_NAMED = re.compile(r"`[^`]*`|\{[^}]*\}|https?://\S+")
_WORD = re.compile(r"[^\W\d_]{2,}")
# So many words that are the same in English are a sentence that was not translated.
_WORDS_OF_A_SENTENCE = 5

type Flat = dict[str, str]


def flat(node: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text with the name of its place."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def read(texts: Path, language: str) -> Flat:
    """Return the texts of a language; none where there is no file yet."""
    file = texts / f"{language}.json"
    return dict(flat(json.loads(file.read_text("utf-8")))) if file.exists() else {}


def write(texts: Path, language: str, found: Flat, english: Flat) -> None:
    """Write the texts of a language, in the order of the English ones."""
    tree: dict[str, Any] = {}
    for name in english:
        if name in found:
            *above, key = name.split(".")
            node = tree
            for part in above:
                node = node.setdefault(part, {})
            node[key] = found[name]
    text = json.dumps(tree, ensure_ascii=False, indent=2)
    (texts / f"{language}.json").write_text(f"{text}\n", "utf-8")


def mark(text: str) -> str:
    """Return by what an English text is known again."""
    return f"{zlib.crc32(text.encode()):08x}"


def made_of(file: Path) -> Flat:
    """Return of which English texts the translations were made."""
    marks: Flat = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return marks


def others(texts: Path) -> list[str]:
    """Return the languages beside English."""
    return sorted(file.stem for file in texts.glob("*.json") if file.stem != ENGLISH)


def kept(text: str) -> set[str]:
    """Return what a translation has to have too: names, code, addresses."""
    return set(_KEPT.findall(text))


def wrong_with(text: str, english: str) -> str | None:
    """Return what is wrong with a translation by itself, if anything."""
    if not text.strip():
        return "is empty"
    if kept(text) != kept(english):
        differs = ", ".join(sorted(kept(text) ^ kept(english)))
        return f"does not have the same names in it: {differs}"
    if text.count("\n") != english.count("\n"):
        return "does not have the same lines"
    words = _NAMED.sub(" ", text)
    if text == english and len(_WORD.findall(words)) >= _WORDS_OF_A_SENTENCE:
        return "is English"
    if (left := _LEFT.search(words)) is not None:
        return f"has an English word in it: {left[0]}"
    return None


def check(texts: Path, marks: Path) -> Iterator[str]:
    """Yield what is wrong."""
    english, known = read(texts, ENGLISH), made_of(marks)
    if changed := [
        name for name, mark_ in known.items() if mark_ != mark(english.get(name, ""))
    ]:
        yield (
            f"{len(changed)} English texts are new since they were translated, such as "
            f"{changed[0]}. Run scripts/translations.py outdated, translate what is "
            "missing then, and let it be taken."
        )
    for language in others(texts):
        found = read(texts, language)
        if missing := [name for name in english if name not in found]:
            yield (
                f"{language}: {len(missing)} texts are missing, such as {missing[0]}"
            )
        for name, text in found.items():
            if name not in english:
                yield f"{language}: {name} is no text of ours"
            elif (wrong := wrong_with(text, english[name])) is not None:
                yield f"{language}: {name} {wrong}"


def take(texts: Path, marks: Path, language: str, new: Flat) -> None:
    """Put translations into their language; raise SystemExit where one is wrong."""
    english = read(texts, ENGLISH)
    if problems := [
        f"{name} {wrong}"
        for name, text in new.items()
        if (
            wrong := wrong_with(text, english[name])
            if name in english
            else "is no text of ours"
        )
    ]:
        raise SystemExit("\n".join(problems))
    write(texts, language, read(texts, language) | new, english)
    write_marks(marks, made_of(marks) | {name: mark(english[name]) for name in new})


def write_marks(file: Path, marks: Flat) -> None:
    """Write of which English texts the translations were made."""
    file.write_text(f"{json.dumps(marks, indent=0, sort_keys=True)}\n", "utf-8")


def outdated(texts: Path, marks: Path) -> int:
    """Take out of all languages what says something else than English; return how many."""
    english, known = read(texts, ENGLISH), made_of(marks)
    fresh = {
        name: mark_
        for name, mark_ in known.items()
        if mark_ == mark(english.get(name, ""))
    }
    for language in others(texts):
        found = read(texts, language)
        write(texts, language, {n: t for n, t in found.items() if n in fresh}, english)
    write_marks(marks, fresh)
    return len(known) - len(fresh)


def main(arguments: list[str]) -> int:
    """Do what is asked for."""
    match arguments:
        case ["missing", language]:
            found = read(TEXTS, language)
            missing = {
                name: text
                for name, text in read(TEXTS, ENGLISH).items()
                if name not in found
            }
            print(json.dumps(missing, ensure_ascii=False, indent=1))
        case ["take", language, file]:
            take(TEXTS, MADE_OF, language, json.loads(Path(file).read_text("utf-8")))
        case ["outdated"]:
            print(f"{outdated(TEXTS, MADE_OF)} taken out")
        case ["check"]:
            problems = list(check(TEXTS, MADE_OF))
            print(*problems, sep="\n", end="\n" if problems else "")
            return min(len(problems), 1)
        case _:
            raise SystemExit(__doc__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
