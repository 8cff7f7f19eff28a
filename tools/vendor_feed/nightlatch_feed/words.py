"""What households are told of a feed that they cannot use: the very sentences.

They are in the translations, by the reason of the error.
"""

import json
from pathlib import Path
import re
from typing import Final

from custom_components.nightlatch import core
from custom_components.nightlatch.core.errors import NightlatchError

_TRANSLATIONS: Final = Path(core.__path__[0]).parent / "translations" / "en.json"
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# What an error of a feed does not know: whom it is told.
_NAMES = {"feed": "The feed", "lock": "your locks", "standing": ""}


def sentence(err: NightlatchError) -> str:
    """Return the sentence for an error, in English."""
    texts = json.loads(_TRANSLATIONS.read_text(encoding="utf-8"))["exceptions"]
    text = texts.get(str(err.reason), {}).get("message")
    if text is None:
        return str(err)
    values = {**_NAMES, **err.details}
    filled = _PLACE.sub(lambda name: values.get(name[1], "?"), text)
    return " ".join(filled.split())
