"""What an administrator can do to Home Assistant over HTTP and the websocket."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
import itertools
import json
from time import monotonic, time
from typing import Any

import aiohttp

REQUEST_TIMEOUT = 60.0
"""Seconds; for one request or command."""

_TOKEN_MARGIN = 60.0
"""Seconds before its end that an access token is renewed."""


class HomeError(Exception):
    """Home Assistant refused something, or went away."""


class FlowKind(StrEnum):
    """What a flow makes or changes."""

    ENTRY = "flow"
    SUBENTRY = "subentries/flow"
    OPTIONS = "options/flow"


class HomeClient:
    """A user's session with one Home Assistant."""

    def __init__(self, url: str) -> None:
        """Talk to the Home Assistant at the URL, which ends without a slash."""
        self.url = url
        self.tokens: dict[str, Any] = {}
        """What ``/auth/token`` gave: ``access_token``, ``refresh_token``, ..."""
        self._tokens_expire = 0.0
        self._session = aiohttp.ClientSession(
            url, timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT)
        )
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[Any]] = {}

    @property
    def client_id(self) -> str:
        """What OAuth calls this client: any page of Home Assistant itself."""
        return f"{self.url}/"

    @property
    def kept_by_browser(self) -> str:
        """What a browser keeps of a login, under the name ``hassTokens``."""
        return json.dumps(
            {
                **self.tokens,
                "hassUrl": self.url,
                "clientId": self.client_id,
                "expires": int((time() + self.tokens["expires_in"]) * 1000),
            }
        )

    async def close(self) -> None:
        """Close the session."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader
        await self._session.close()

    # Who asks.

    async def create_owner(self, username: str, password: str) -> None:
        """Create the first user of a new Home Assistant, and be it."""
        result = await self._request(
            "POST",
            "/api/onboarding/users",
            json={
                "client_id": self.client_id,
                "name": username.capitalize(),
                "username": username,
                "password": password,
                "language": "en",
            },
        )
        await self.exchange(result["auth_code"])

    async def log_in(self, username: str, password: str) -> None:
        """Log in with a password."""
        flow = await self._request(
            "POST",
            "/auth/login_flow",
            json={
                "client_id": self.client_id,
                "handler": ["homeassistant", None],
                "redirect_uri": self.client_id,
            },
        )
        result = await self._request(
            "POST",
            f"/auth/login_flow/{flow['flow_id']}",
            json={
                "client_id": self.client_id,
                "username": username,
                "password": password,
            },
        )
        if result["type"] != "create_entry":
            raise HomeError(f"login refused: {result.get('errors')}")
        await self.exchange(result["result"])

    async def exchange(self, code: str) -> None:
        """Exchange an authorization code for tokens."""
        await self._fetch_tokens(grant_type="authorization_code", code=code)

    async def _fetch_tokens(self, **form: str) -> None:
        self.tokens |= await self._request(
            "POST", "/auth/token", data=form | {"client_id": self.client_id}
        )
        self._tokens_expire = monotonic() + self.tokens["expires_in"] - _TOKEN_MARGIN

    async def _access_token(self) -> str:
        if monotonic() > self._tokens_expire:
            await self._fetch_tokens(
                grant_type="refresh_token", refresh_token=self.tokens["refresh_token"]
            )
        token: str = self.tokens["access_token"]
        return token

    # HTTP.

    async def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return await self._request("GET", path, authorized=True)

    async def post(self, path: str, body: Any) -> Any:
        """Post JSON and return the answer's JSON."""
        return await self._request("POST", path, json=body, authorized=True)

    async def delete(self, path: str) -> Any:
        """Delete what is at a path and return the answer's JSON."""
        return await self._request("DELETE", path, authorized=True)

    async def _request(
        self, method: str, path: str, *, authorized: bool = False, **content: Any
    ) -> Any:
        headers = {}
        if authorized:
            headers["Authorization"] = f"Bearer {await self._access_token()}"
        async with self._session.request(
            method, path, headers=headers, **content
        ) as response:
            if not response.ok:
                raise HomeError(
                    f"{method} {path}: {response.status} {await response.text()}"
                )
            return await response.json()

    # Flows.

    async def start_flow(
        self, kind: FlowKind, handler: str | tuple[str, str], **options: Any
    ) -> Any:
        """Start a flow and return its first step.

        The handler is a domain, (entry id, type of subentry) or an entry id.
        """
        return await self.post(
            f"/api/config/config_entries/{kind}", {"handler": handler, **options}
        )

    async def continue_flow(
        self, kind: FlowKind, flow_id: str, answer: dict[str, Any]
    ) -> Any:
        """Answer a step of a flow and return the next one, or the result.

        A menu is answered with ``next_step_id``.
        """
        return await self.post(f"/api/config/config_entries/{kind}/{flow_id}", answer)

    async def finish_flow(
        self,
        kind: FlowKind,
        handler: str | tuple[str, str],
        *answers: dict[str, Any],
    ) -> Any:
        """Go through a flow with these answers and return what it made."""
        step = await self.start_flow(kind, handler)
        for answer in answers:
            step = await self.continue_flow(kind, step["flow_id"], answer)
        if step["type"] != "create_entry":
            raise HomeError(f"flow of {handler} did not end: {step}")
        return step

    # The websocket.

    async def connect(self) -> None:
        """Open the websocket; needs tokens."""
        self._socket = await self._session.ws_connect("/api/websocket", max_msg_size=0)
        await self._socket.receive_json()
        await self._socket.send_json(
            {"type": "auth", "access_token": await self._access_token()}
        )
        if (answer := await self._socket.receive_json())["type"] != "auth_ok":
            raise HomeError(f"websocket refused: {answer}")
        self._reader = asyncio.create_task(self._read(self._socket))

    async def command(
        self, kind: str, *, timeout: float = REQUEST_TIMEOUT, **fields: Any
    ) -> Any:
        """Send a websocket command and return its result."""
        return await self._command(next(self._numbers), kind, fields, timeout)

    @asynccontextmanager
    async def subscription(
        self, kind: str, **fields: Any
    ) -> AsyncGenerator[asyncio.Queue[Any]]:
        """Send a command that subscribes to something; its events come in the queue."""
        number = next(self._numbers)
        queue = self._events[number] = asyncio.Queue()
        try:
            await self._command(number, kind, fields, REQUEST_TIMEOUT)
            yield queue
            await self.command("unsubscribe_events", subscription=number)
        finally:
            del self._events[number]

    async def _command(
        self, number: int, kind: str, fields: dict[str, Any], timeout: float
    ) -> Any:
        if self._socket is None:
            raise HomeError("the websocket is not open")
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_json({"id": number, "type": kind, **fields})
            async with asyncio.timeout(timeout):
                return await answer
        except ConnectionError as err:
            raise HomeError(f"{kind}: the websocket is closed") from err
        finally:
            del self._answers[number]

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Hand out what comes over the websocket until it closes."""
        async for frame in socket:
            message = frame.json()
            number = message["id"]
            if message["type"] == "event":
                if (queue := self._events.get(number)) is not None:
                    queue.put_nowait(message["event"])
            elif (answer := self._answers.get(number)) is None or answer.done():
                continue
            elif message["success"]:
                answer.set_result(message["result"])
            else:
                answer.set_exception(HomeError(str(message["error"])))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(HomeError("Home Assistant closed the websocket"))

    # Entities.

    async def state(self, entity_id: str) -> Any | None:
        """Return the state of an entity with its attributes; None if it has none."""
        for state in await self.command("get_states"):
            if state["entity_id"] == entity_id:
                return state
        return None

    async def wait_for_state(
        self, entity_id: str, wanted: Callable[[Any], bool], timeout: float
    ) -> Any:
        """Wait until the state of an entity is as wanted; return it.

        Raises ``TimeoutError``.
        """
        async with (
            asyncio.timeout(timeout),
            self.subscription("subscribe_events", event_type="state_changed") as events,
        ):
            state = await self.state(entity_id)
            while state is None or not wanted(state):
                data = (await events.get())["data"]
                if data["entity_id"] == entity_id:
                    state = data["new_state"]
            return state

    async def call_service(
        self,
        domain: str,
        service: str,
        entity_id: str | None = None,
        *,
        return_response: bool = False,
        timeout: float = REQUEST_TIMEOUT,
        **data: Any,
    ) -> Any:
        """Call an action and wait until it is done; return its response."""
        fields: dict[str, Any] = {"service_data": data}
        if entity_id is not None:
            fields["target"] = {"entity_id": entity_id}
        if return_response:
            fields["return_response"] = True
        result = await self.command(
            "call_service", timeout=timeout, domain=domain, service=service, **fields
        )
        return result.get("response")
