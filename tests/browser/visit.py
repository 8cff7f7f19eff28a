"""A person before Home Assistant's frontend: what they press, and what they see."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
import re
from typing import Any, Final

from playwright.sync_api import (
    Browser,
    ElementHandle,
    Error,
    FilePayload,
    Locator,
    Page,
)

import custom_components.nightlatch as integration
from custom_components.nightlatch.const import DOMAIN
from tests.frontend.stage import DESK, FOLDER as FRONTEND, PHONE
from tests.rig.judgement import AXE, answer, barriers, too_wide

from .house import RunningHouse

SHOTS: Final = Path(__file__).parent / "shots"
INTEGRATION: Final = "/config/integrations/integration/nightlatch"
# Milliseconds.
PATIENCE: Final = 30_000

_TRANSLATIONS: Final = Path(integration.__file__).parent / "translations"
_SIZES: Final = {"desk": DESK, "phone": PHONE}
_SCHEMES: Final = ("light", "dark")
# What Home Assistant's own elements are found guilty of, in whatever form they stand.
_THEIRS: Final = {
    ("aria-required-parent", "ha-combo-box-item"),
    ("aria-valid-attr-value", "ha-expansion-panel"),
    # The way to the page of a card that is not Home Assistant's.
    ("link-name", "hui-dialog-edit-card"),
    ("label", "ha-switch"),
    ("label-title-only", "ha-switch"),
}

# What nobody should have to read.
_BLUNDERS: Final = re.compile(
    r"\[object|\bundefined\b|\bNaN\b|\bNone\b|\bnull\b"
    r"|component\.[a-z]+\.|\bui\.[a-z]+\.[a-z]+"  # the key of a text
    r"|\{[a-z_]+\}"  # a placeholder
    r"|\( ?\)|\b ,|“”|\"\"|\*\*"  # where something should stand, and what is no text
)
# Every text that is shown, in whatever shadow, in the order of the page.
_TEXT: Final = """
root => {
  const said = [];
  // What lays out nothing itself is as visible as what it stands in.
  const boxed = each => {
    while (each && getComputedStyle(each).display === "contents") {
      each = each.parentElement ?? each.getRootNode().host;
    }
    return each;
  };
  const walk = node => {
    if (node.nodeType === Node.TEXT_NODE) {
      const parent = boxed(node.parentElement ?? node.getRootNode().host);
      if (node.data.trim() && parent?.checkVisibility()) {
        said.push(node.data.trim());
      }
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE && !(node instanceof DocumentFragment)) {
      return;
    }
    if (["STYLE", "SCRIPT", "TEMPLATE"].includes(node.tagName)) return;
    if (node.tagName === "SLOT") {
      const given = node.assignedNodes();
      for (const each of given.length ? given : node.childNodes) walk(each);
      return;
    }
    for (const each of (node.shadowRoot ?? node).childNodes) walk(each);
  };
  walk(root);
  return said.join("\\n");
}
"""
# Nothing moves any more, in whatever shadow; what turns for ever does not count.
_STILL: Final = """
() => {
  const moves = root => root.getAnimations().some(each =>
      each.playState === "running"
      && each.effect?.getComputedTiming().endTime !== Infinity)
    || [...root.querySelectorAll("*")].some(
      each => each.shadowRoot && moves(each.shadowRoot));
  return !moves(document);
}
"""


class Words:
    """The texts of one language: ours, out of its file."""

    def __init__(self, language: str) -> None:
        """Read them."""
        path = _TRANSLATIONS / f"{language}.json"
        self._texts: dict[str, Any] = json.loads(path.read_text("utf-8"))

    def __call__(self, path: str) -> str:
        """Return a text, whole where it has no placeholders."""
        found: Any = self._texts
        for part in path.split("."):
            found = found[part]
        assert isinstance(found, str), path
        return found


@dataclass(kw_only=True)
class Visit:
    """One person before one screen."""

    house: RunningHouse
    page: Page
    words: Words
    language: str
    faults: list[str] = field(default_factory=list)
    """What the page has complained about."""

    # What the person does.

    def open(self, path: str) -> None:
        """Open a page of Home Assistant."""
        self.page.goto(f"{self.house.demo.home.url}{path}")

    def theirs(self, key: str) -> str:
        """Return a text of Home Assistant's own."""
        self.page.wait_for_function(
            "() => document.querySelector('home-assistant')?.hass?.states"
        )
        text: str = answer(
            self.page,
            """async key => {
              const home = document.querySelector("home-assistant");
              const [, place, panel] = key.split(".");
              if (place === "panel") await home.hass.loadFragmentTranslation(panel);
              // The texts that are everywhere may still be on their way.
              for (;;) {
                const text = home.hass.localize(key);
                if (text) return text;
                await new Promise((resolve) => setTimeout(resolve, 50));
              }
            }""",
            key,
        )
        return text

    @property
    def dialog(self) -> Locator:
        """Return the dialog that is open."""
        return self.page.locator("ha-dialog[open], ha-adaptive-dialog[open]").last

    def choose(self, text: str) -> None:
        """Press what has a text, in the dialog."""
        self.dialog.get_by_text(text, exact=True).first.click()

    def press(self, text: str) -> None:
        """Press a button of the dialog."""
        self.dialog.get_by_role("button", name=text, exact=True).first.click()

    def tick(self, text: str) -> None:
        """Tick a box of the dialog, or take its tick away."""
        self.dialog.locator("ha-checkbox, ha-formfield, wa-checkbox").filter(
            has_text=text
        ).first.click()

    def fill(self, label: str, text: str) -> None:
        """Fill in a field of the dialog."""
        # Not every field of Home Assistant's says to a browser which label is its own.
        fields = self.dialog.locator("ha-selector").filter(has_text=label)
        fields.locator("input, textarea").first.fill(text)

    def close(self) -> None:
        """Close the dialog, once it says that it is at its end."""
        self.press(self.theirs("ui.common.close"))
        self.page.locator("ha-dialog[open]").first.wait_for(state="detached")

    def ended(self) -> str:
        """Return what the dialog says at its end."""
        self.dialog.locator("step-flow-abort, step-flow-create-entry").wait_for()
        return self.read(self.dialog)

    def submit(self) -> None:
        """Press the button at the end of a form."""
        self.press(self.theirs("ui.panel.config.integrations.config_flow.submit"))

    def open_details(self, entity_id: str) -> None:
        """Open the dialog of an entity."""
        self.open(f"/home?more-info-entity-id={entity_id}")
        self.page.locator("ha-more-info-dialog").wait_for(state="attached")

    def press_update(self, entity_id: str) -> None:
        """Press the button in the dialog of an update, where it is open."""
        label = self.theirs("ui.dialogs.more_info_control.update.update")
        details = self.page.locator("more-info-update")
        details.get_by_role("button", name=label, exact=True).click()
        self.house.until_state(
            entity_id, lambda state: state["attributes"]["in_progress"]
        )

    def pick_file(self, name: str, content: bytes) -> None:
        """Choose a file of one's own in a form, and wait until it is uploaded."""
        file = FilePayload(
            name=name, mimeType="application/octet-stream", buffer=content
        )
        self.dialog.locator("input[type=file]").first.set_input_files(file)
        self.see(name)

    def open_repair(self, title: str | re.Pattern[str]) -> None:
        """Open one of the repairs."""
        self.open("/config/repairs")
        self.see(title)
        self.page.get_by_text(title).first.click()
        self.dialog.get_by_text(title).first.wait_for()

    def reconfigure(self, lock: str) -> None:
        """Open what there is to do about a lock."""
        self.open(INTEGRATION)
        row = self.page.locator("ha-config-sub-entry-row").filter(has_text=lock).first
        label = self.words("config_subentries.lock.initiate_flow.reconfigure")
        row.get_by_label(label).first.click()

    # What the person sees.

    def see(self, text: str | re.Pattern[str], timeout: float = PATIENCE) -> None:
        """Wait until a text can be read."""
        self.page.get_by_text(text).first.wait_for(timeout=timeout)

    def read(self, where: Locator | None = None) -> str:
        """Return all that can be read, on the page or in a part of it."""
        text: str = answer(self.page, _TEXT, self._handle(where))
        return text

    def look(self, name: str, where: Locator | None = None) -> str:
        """Look at a dialog as on a screen and on a phone, by day and by night.

        Nothing in it may be a blunder or out of sight, or stop anybody. Return what it
        says.
        """
        part = self.dialog if where is None else where
        for size, (width, height) in _SIZES.items():
            self.page.set_viewport_size({"width": width, "height": height})
            for scheme in _SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                self.page.wait_for_function(_STILL)
                # What is read aloud is the same on all, and axe takes its time.
                judged = (size, scheme) == ("desk", "light")
                wide, grave = self._judge(part, whole=judged)
                SHOTS.mkdir(exist_ok=True)
                self.page.screenshot(
                    path=SHOTS / f"{name}-{self.language}-{size}-{scheme}.png"
                )
                seen = f"{name}, {self.language}, {size}, {scheme}"
                assert wide == [], f"{seen}: {wide}"
                assert grave == [], f"{seen}: {grave}"
        width, height = DESK
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme="light")
        said = self.read(part)
        assert (found := _BLUNDERS.search(said)) is None, f"{found}:\n{said}"
        return said

    def _judge(self, part: Locator, *, whole: bool) -> tuple[list[str], list[str]]:
        """Return what is out of sight, and what stops somebody, if that is asked for."""
        handle = self._handle(part)
        try:
            wide = too_wide(self.page, handle)
            return wide, barriers(self.page, handle, _THEIRS) if whole else []
        except Error:
            # Home Assistant has drawn another one in its place, which is to be judged.
            if handle.evaluate("each => each.isConnected"):
                raise
            return self._judge(part, whole=whole)

    def _handle(self, where: Locator | None) -> ElementHandle:
        handle = (where or self.page.locator("html")).element_handle()
        assert handle is not None
        return handle


@contextmanager
def visiting(
    browser: Browser, house: RunningHouse, language: str = "en"
) -> Iterator[Visit]:
    """Let a person sit down who is logged in; the page may not complain about us."""
    width, height = DESK
    context = browser.new_context(
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        locale="en-US",
    )
    kept = {
        "hassTokens": house.client.kept_by_browser,
        "selectedLanguage": json.dumps(language),
    }
    context.add_init_script(
        f"for (const [name, kept] of Object.entries({json.dumps(kept)})) "
        "localStorage.setItem(name, kept);"
    )
    context.add_init_script(path=FRONTEND / AXE)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    visit = Visit(house=house, page=page, words=Words(language), language=language)
    page.on("pageerror", lambda error: visit.faults.append(f"{error}\n{error.stack}"))
    page.on(
        "console",
        lambda message: (
            visit.faults.append(f"{message.text} {message.location['url']}")
            if message.type == "error"
            else None
        ),
    )
    house.speak(language)
    try:
        yield visit
        # Of a test that has failed it shows where.
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"last-{language}.png")
        # A text that misses what belongs into it is told here too.
        assert [
            fault for fault in visit.faults if DOMAIN in fault or "ranslation" in fault
        ] == []
    finally:
        context.close()
        house.speak("en")
