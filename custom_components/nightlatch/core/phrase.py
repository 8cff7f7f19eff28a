"""Parts of sentences for which each language has words of its own.

What an error is about is often a value, which reads the same everywhere: a version, a
name, a number. Where it is words, they are a phrase, which the translations know by what
it is in English; ``tests/contract/test_phrases.py`` holds the two against each other.
"""

import re
from typing import Self

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_BETWEEN_WORDS = re.compile(r"[^a-z0-9]+")


class Phrase(str):
    """Words in the place of a value; as a text, for logs, they are English."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        """Take the English words, and the values that stand among them."""
        words = _PLACE.sub(lambda place: str(values[place[1]]), template)
        phrase = super().__new__(cls, words)
        phrase.template, phrase.values = template, values
        return phrase

    @property
    def key(self) -> str:
        """Return by what the translations know it."""
        words = _BETWEEN_WORDS.sub("_", self.template.lower())
        return f"phrase_{words.strip('_')}"
