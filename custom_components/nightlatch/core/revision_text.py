"""How a version stands in the text that a lock tells, as its vendor says.

Locks put words around it: ``Ruuvi FW v3.31.1+default``. What finds the version in there
comes out of a feed, so it is no regular expression (one of those can keep a loop busy for
years) but literal text around one place: ``Ruuvi FW v{version}+*``. It is read in one
pass, and there is one way to read it.
"""

from typing import Final

from .phrase import Phrase

PLACE: Final = "{version}"
"""Where the version stands; once."""
ANYTHING: Final = "*"
"""At the end: from the text before it on, nothing counts, and it may be missing."""
MAX_LENGTH: Final = 64
"""Characters; locks that tell more are not heard out either."""


def check_form(form: str) -> None:
    """Check that a form reads every text in one way only; raise ``ValueError``."""
    if len(form) > MAX_LENGTH:
        raise _unfit("must have at most {maximum} characters", maximum=MAX_LENGTH)
    before, behind, open_end = _parts(form)
    if form.count(PLACE) != 1 or any(char in before + behind for char in "{}*"):
        raise _unfit("must have {place} once, and * at its end only")
    if open_end and not behind:
        raise _unfit("must say what ends the version, between {place} and *")
    # What touches the version must not be able to be a part of it: 1.{version} would
    # make 2.3 of 1.2.3, and {version}.* an older version of every one.
    if before[-1:] == "." or before[-1:].isdigit():
        raise _unfit("must have no digit and no dot before {place}")
    if behind[:1] == "." or behind[:1].isalnum():
        raise _unfit("must have no letter, digit or dot behind {place}")


def _unfit(template: str, **values: object) -> ValueError:
    return ValueError(Phrase(template, place=PLACE, **values))


def version_in(text: str, form: str | None) -> str:
    """Return the version in a text; all of it where it is not of the form.

    Firmware from before, or after, a vendor began to put words around it tells its
    version alone. What then is no version compares with none.
    """
    if form is None:
        return text
    before, behind, open_end = _parts(form)
    if not text.startswith(before):
        return text
    rest = text[len(before) :]
    if open_end:
        version = rest.partition(behind)[0] if behind else ""
    elif rest.endswith(behind):
        version = rest[: len(rest) - len(behind)]
    else:
        return text
    return version.strip() or text


def can_tell(form: str | None, version: str) -> bool:
    """Return whether a version comes out of a text as it was put in."""
    if form is None:
        return True
    before, behind, _ = _parts(form)
    return version_in(f"{before}{version}{behind}", form) == version


def _parts(form: str) -> tuple[str, str, bool]:
    before, _, behind = form.partition(PLACE)
    return before, behind.removesuffix(ANYTHING), behind.endswith(ANYTHING)
