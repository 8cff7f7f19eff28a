"""The picture of the week in the panel, in both themes, on a desk and on a phone."""

from base64 import b64encode
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageStat
from playwright.sync_api import Browser, Locator
import pytest

from custom_components.nightlatch.core.schedule.quiet_hours import QuietHours
from custom_components.nightlatch.core.schedule.week_picture import Words, draw_week

from .stage import DESK, PHONE, Stage, shown, snapshot

ENTITY: Final = "image.nightlatch_use_of_the_doors"
WORDS: Final = Words(
    title="When the doors are used",
    told="Each half hour of the week.",
    weekdays=(
        "Montag",
        "Dienstag",
        "Mittwoch",
        "Donnerstag",
        "Freitag",
        "Samstag",
        "Sonntag",
    ),
    hours="Ruhezeiten",
    suggested="Vorgeschlagen",
)


def show_week(stage: Stage, *, dark: bool) -> Locator:
    """Let Home Assistant have the picture, and return it as it is shown."""
    # A street that wakes at seven, and is loud on Friday nights.
    rates = [
        [
            None if day == 2 and slot < 10 else max(0.0, 1 - abs(slot - peak) / 6)
            for slot in range(48)
        ]
        for day, peak in enumerate((15, 15, 15, 15, 47, 22, 22))
    ]
    picture = draw_week(
        rates,
        WORDS,
        QuietHours(),
        QuietHours.from_dict(
            {"weekdays": [0, 1, 2, 3], "start": "23:30", "end": "00:30"}
        ),
    )
    address = f"data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"
    states: dict[str, Any] = {ENTITY: {"attributes": {"entity_picture": address}}}
    stage.use_theme("dark" if dark else "light")
    stage.script("stage.set(value)", {"states": states, "themes": {"darkMode": dark}})
    image = stage.page.get_by_role("img", name="Observed days: 30.")
    image.wait_for()
    image.evaluate("each => each.decode()")
    return image


def brightness(image: Locator) -> float:
    """Return how bright it is on the whole, from 0 to 255."""
    shot = Image.open(BytesIO(image.screenshot())).convert("L")
    return ImageStat.Stat(shot).mean[0]


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_the_week_fits_where_it_is_shown(
    browser: Browser, size: tuple[int, int]
) -> None:
    """As light or dark as the panel is, whatever the browser is; with words for readers."""
    with shown(browser, said=snapshot("evening"), size=size) as stage:
        bright = {}
        for dark in (False, True):
            image = show_week(stage, dark=dark)
            bright[dark] = brightness(image)
            stage.picture(f"week-{size[0]}-{'dark' if dark else 'light'}")
            assert stage.too_wide() == []
            assert stage.barriers() == []
        assert bright[False] > 160
        assert bright[True] < 90
        box = image.bounding_box()
        assert box is not None
        assert box["width"] > size[0] * 0.7


def test_without_a_picture_there_is_no_place_for_one(browser: Browser) -> None:
    """Where it is not learned, or the entity is not there (yet)."""
    with shown(browser, said=snapshot("evening")) as stage:
        stage.page.get_by_text("The report").first.wait_for()
        assert stage.page.locator("figure").count() == 0
        show_week(stage, dark=False)
        assert stage.page.locator("figure").count() == 1
        said = snapshot("evening")
        said["household"]["week"] = None
        stage.push(said)
        stage.page.locator("figure").wait_for(state="detached")
