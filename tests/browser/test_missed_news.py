"""What a dialog was told while it did not listen."""

import json
import re

from playwright.sync_api import WebSocketRoute

from tests.rig.demo import FRONT

from .visit import Visit

_STEP = "config_subentries.lock.step"
_NEWS = "data_entry_flow_progressed"


def test_a_progress_ends_whose_end_was_missed(visit: Visit) -> None:
    """The dialog hears of it again, and shows what came of it."""
    missed: list[str] = []

    def between(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def passed_on(message: str | bytes) -> None:
            told = json.loads(message)
            news = told if isinstance(told, list) else [told]
            kept = [each for each in news if _NEWS not in json.dumps(each)]
            if len(kept) < len(news) and not missed:
                missed.append(_NEWS)
                if kept:
                    route.send(json.dumps(kept))
                return
            route.send(message)

        server.on_message(passed_on)

    visit.page.route_web_socket(re.compile(r"/api/websocket"), between)
    visit.reconfigure(FRONT)
    visit.choose(visit.words(f"{_STEP}.reconfigure.menu_options.try_way"))
    assert FRONT in visit.ended()
    assert missed
