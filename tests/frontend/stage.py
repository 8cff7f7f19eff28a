"""A page with one element of ours on it, and a Home Assistant that only pretends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, ElementHandle, Locator, Page, Route

import custom_components.nightlatch as integration
from tests.rig.judgement import AXE, barriers, too_wide

FOLDER: Final = Path(__file__).parent
INTEGRATION: Final = Path(integration.__file__).parent
BUILT: Final = INTEGRATION / "frontend" / "nightlatch.js"
PHONE: Final = (390, 844)
DESK: Final = (1280, 900)

_SITE = "http://nightlatch.test/"
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".woff2": "font/woff2",
}


def snapshot(name: str) -> dict[str, Any]:
    """Return what the server has said once."""
    path = FOLDER / "snapshots" / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def texts() -> dict[str, Any]:
    """Return the texts as the frontend is given them: by component."""
    path = INTEGRATION / "translations" / "en.json"
    return {"component": {"nightlatch": json.loads(path.read_text("utf-8"))}}


@dataclass(kw_only=True)
class Stage:
    """The page, and what a test may do on it."""

    page: Page
    errors: list[str] = field(default_factory=list)

    @property
    def element(self) -> Locator:
        """Return the element that is shown."""
        return self.page.locator("#stage > *")

    def lock(self, name: str) -> Locator:
        """Return the part of the page that is about one lock."""
        return self.page.locator("nightlatch-lock").filter(
            has=self.page.get_by_role("heading", name=name)
        )

    def script(self, code: str, value: Any = None) -> Any:
        """Run a line on the stage."""
        return self.page.evaluate(f"async value => {{ return {code} }}", value)

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Return which actions were asked for."""
        calls: list[dict[str, Any]] = self.script("stage.calls")
        return calls

    @property
    def told(self) -> list[list[Any]]:
        """Return what Home Assistant's frontend was told."""
        told: list[list[Any]] = self.script("stage.told")
        return told

    def push(self, content: dict[str, Any] | None) -> None:
        """Let the server say something."""
        self.script("stage.push(value)", content)

    def focused(self) -> str:
        """Return the text of what has the focus, in whatever shadow."""
        text: str = self.page.evaluate(
            """() => {
              let at = document.activeElement;
              while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
              return (at?.innerText || at?.id || at?.tagName || "").trim();
            }"""
        )
        return text

    def too_wide(self) -> list[str]:
        """Return what reaches beyond the page's width."""
        return too_wide(self.page, self._document)

    def barriers(self) -> list[str]:
        """Return the grave findings of axe-core."""
        self.page.add_script_tag(url="/axe.min.js")
        return barriers(self.page, self._document)

    @property
    def _document(self) -> ElementHandle:
        handle = self.page.query_selector("html")
        assert handle is not None
        return handle

    def moving(self) -> int:
        """Return how many things move, in whatever shadow."""
        count: int = self.page.evaluate(
            """() => {
              const moving = (root) => [...root.querySelectorAll("*")].reduce(
                (sum, each) => sum + (each.shadowRoot ? moving(each.shadowRoot) : 0),
                root.getAnimations().filter(a => a instanceof CSSAnimation).length);
              return moving(document);
            }"""
        )
        return count

    def use_theme(self, name: str) -> None:
        """Change between light and dark."""
        self.page.evaluate(
            "name => { document.documentElement.className = name }", name
        )

    def picture(self, name: str) -> None:
        """Keep a picture for people to look at."""
        shots = FOLDER / "shots"
        shots.mkdir(exist_ok=True)
        self.page.screenshot(path=shots / f"{name}.png", full_page=True)


@contextmanager
def shown(
    browser: Browser,
    element: str = "nightlatch-panel",
    said: dict[str, Any] | None = None,
    *,
    size: tuple[int, int] = DESK,
    config: dict[str, Any] | None = None,
    refusal: dict[str, Any] | None = None,
    locale: dict[str, str] | None = None,
    admin: bool = True,
    still: bool = True,
    own_clock: bool = False,
    browser_zone: str = "America/New_York",
) -> Iterator[Stage]:
    """Show an element; at the end nothing must have gone wrong on the page."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        reduced_motion="reduce" if still else "no-preference",
        timezone_id=browser_zone,
        locale="en-US",
    )
    context.route("**/*", _serve)
    page = context.new_page()
    stage = Stage(page=page)
    page.on("pageerror", lambda error: stage.errors.append(str(error)))
    page.on(
        "console",
        lambda message: (
            stage.errors.append(message.text) if message.type == "error" else None
        ),
    )
    if own_clock:
        page.clock.install()
    page.goto(f"{_SITE}stage.html")
    hass = {
        "language": "en",
        "locale": {
            "language": "en",
            "time_format": "24",
            "date_format": "language",
            "time_zone": "server",
            **(locale or {}),
        },
        "config": {"time_zone": "Europe/Berlin"},
        "user": {"is_admin": admin},
    }
    page.evaluate(
        "value => stage.start(value)",
        {
            "element": element,
            "config": (
                {"type": "custom:nightlatch-card", **(config or {})}
                if element != "nightlatch-panel"
                else None
            ),
            "hass": hass,
            "texts": texts(),
            "snapshot": said,
            "refusal": refusal,
            "narrow": size[0] < 870,
        },
    )
    try:
        yield stage
        assert stage.errors == []
    finally:
        context.close()


def _serve(route: Route) -> None:
    """Serve the page, what is built, what judges it, and Home Assistant's fonts."""
    name = route.request.url.removeprefix(_SITE)
    path = {
        "axe.min.js": FOLDER / AXE,
        BUILT.name: BUILT,
    }.get(name, FOLDER / "page" / name)
    if path.suffix == ".woff2":
        path = _fonts() / name
    if not path.is_file():
        route.fulfill(status=204)
        return
    route.fulfill(body=path.read_bytes(), content_type=_TYPES[path.suffix])


def _fonts() -> Path:
    import hass_frontend

    return hass_frontend.where() / "static" / "fonts" / "roboto"
