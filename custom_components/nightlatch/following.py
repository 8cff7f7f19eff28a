"""Following several things at once."""

from homeassistant.core import CALLBACK_TYPE, callback


def ending_all(*ends: CALLBACK_TYPE) -> CALLBACK_TYPE:
    """Return what ends all of these."""

    @callback
    def end() -> None:
        for each in ends:
            each()

    return end
