"""How important a door may be, guessed from what people call it.

A guess is only what a form proposes. Words are looked for at the beginnings of words, so
that ``keller`` finds a *Kellertür*; what could be an entry door is taken for one, which
is the careful side to be wrong on.
"""

import re
from typing import Final

from .policy import Importance

_WORD = re.compile(r"[^\W\d_]+")
# In English, German, French, Dutch, Spanish, Italian and Polish.
_ENTRY: Final = (
    *("front", "entry", "entrance", "main", "hall", "lobby", "street"),
    *("haustür", "haustuer", "eingang", "wohnungstür", "flur", "diele", "vorder"),
    *("entrée", "principal", "couloir", "vestibule", "palier"),
    *("voordeur", "ingang", "hal", "hoofd", "straat"),
    *("entrada", "recibidor", "pasillo", "calle"),
    *("ingresso", "portone", "corridoio"),
    *("wejści", "główn", "przedpok", "klatk", "front"),
)
_SIDE: Final = (
    *("side", "back", "rear", "garage", "cellar", "basement", "garden", "yard"),
    *("terrace", "patio", "balcony", "shed", "gate", "conservatory", "workshop"),
    *("seiten", "neben", "hinter", "keller", "garten", "hof", "terrasse", "balkon"),
    *("schuppen", "tor", "gartenhaus", "werkstatt", "wintergarten"),
    *("arrière", "latéral", "cave", "jardin", "cour", "balcon", "abri", "portail"),
    *("achter", "zij", "kelder", "tuin", "schuur", "poort", "terras"),
    *("trasera", "lateral", "garaje", "sótano", "jardín", "terraza", "cobertizo"),
    *("retro", "laterale", "cantina", "giardino", "cortile", "terrazza", "cancello"),
    *("boczn", "tyln", "garaż", "piwnic", "ogród", "ogrod", "taras", "bram", "szop"),
)
_INSIDE: Final = (
    *("bedroom", "bathroom", "office", "study", "nursery", "closet", "cabinet"),
    *("pantry", "living", "laundry", "attic", "storage", "cupboard"),
    *("schlafzimmer", "badezimmer", "büro", "arbeitszimmer", "kinderzimmer"),
    *("schrank", "speisekammer", "wohnzimmer", "waschküche", "dachboden"),
    *("chambre", "bain", "bureau", "placard", "salon", "buanderie", "grenier"),
    *("slaapkamer", "badkamer", "kantoor", "kinderkamer", "kast", "woonkamer"),
    *("dormitorio", "baño", "oficina", "despacho", "armario", "despensa"),
    *("camera", "bagno", "ufficio", "armadio", "dispensa", "soggiorno", "soffitta"),
    *("sypialni", "łazienk", "biur", "gabinet", "szaf", "spiżarni", "strych"),
)
_BEGINNINGS: Final = (
    (Importance.ENTRY, _ENTRY),
    (Importance.SIDE, _SIDE),
    (Importance.INSIDE, _INSIDE),
)


def guessed_importance(name: str, area: str | None) -> Importance | None:
    """Return how important a door may be: by its name, else by the area it is in."""
    for text in (name, area or ""):
        words = _WORD.findall(text.casefold())
        for importance, beginnings in _BEGINNINGS:
            if any(word.startswith(beginnings) for word in words):
                return importance
    return None
