"""What a person reads of a release for which a keeper has signed, and not its maker."""

from homeassistant.core import HomeAssistant

from ..core.model import Evidence, Release
from ..markup import Composed, together
from ..translation import told_now


def told_of_keeper(hass: HomeAssistant, release: Release) -> Composed:
    """Return who has signed for it, what proves its maker, and where it was found."""
    assert release.keeper is not None, "it is a keeper's"
    assert release.found is not None, "a keeper says so"
    found = release.found
    names = {
        "keeper": release.keeper,
        "maker": release.vendor,
        "url": found.url,
        "day": found.fetched.isoformat(),
    }
    same_signer = release.evidence is Evidence.SAME_SIGNER
    return together(
        told_now(hass, key, **names)
        for key in (
            "keeper_same_signer" if same_signer else "keeper_alone",
            "keeper_found_published" if found.digest_published else "keeper_found",
        )
    )


def told_keepers_word(hass: HomeAssistant, release: Release) -> Composed:
    """Return that what a release closes, as it says, is only a keeper's word."""
    assert release.keeper is not None, "it is a keeper's"
    return told_now(hass, "keeper_hurries_nothing", keeper=release.keeper)
