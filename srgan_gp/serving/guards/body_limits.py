"""Limits of request bodies: size, speed and number at once.

The framework of the page limits single uploaded files only, and leaves parts of them behind when a
client goes away. Here a body waits in an unnamed file, which no ending of a request leaves behind.
"""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from srgan_gp.errors import UsageError
from srgan_gp.serving.error_responses import Refusal, busy
from srgan_gp.serving.guards.access_control import JOB_PATHS
from srgan_gp.serving.guards.file_references import count_files, outside_reference
from srgan_gp.serving.guards.multipart_limits import (
    FormCounter,
    has_fields_alone,
    is_form,
    too_many,
)
from srgan_gp.serving.guards.spooled_body import Body, no_room
from srgan_gp.serving.server_settings import ServerSettings

MOST_BYTES_OF_TEXT = 1_000_000
"""Of a body that is no form: the page's own messages are a few kB."""
MOST_BYTES_OF_FIELDS = 10_000
"""Of a form that cannot hold a file: a megabyte of `&` would take two seconds to read."""
PATIENCE_SECONDS = 20.0
"""For a body to come, beside one second for each `SLOWEST_BYTES` of it."""
SLOWEST_BYTES = 50_000
BODIES_AT_ONCE = 8
"""As many bodies of the largest size may lie here at a time, of all clients together."""
FORMS_AT_ONCE = 4
"""That the app reads; a crowd of them would let everybody wait for the whole crowd."""

_NAMES_OF_A_FILE = 2  # a page that names one file too many says so itself
_DISCARD_SECONDS = 1.0


class BodyLimits:
    """ASGI middleware: too long, too slow, too many files or addresses for files are refused.

    Args:
        app: what comes behind.
        settings: name the limits.
        uploads: where the page keeps files; others cannot be named. None: there is no page.
        why_not_ready: says why no new job would be taken now; None: one would.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        uploads: Path | None = None,
        why_not_ready: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._app = app
        self._why_not_ready = why_not_ready
        self._settings = settings
        self._uploads = uploads
        self._held_bytes = 0
        self._turns = asyncio.Semaphore(FORMS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take in the body, then pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = Body(self._settings.folder)
        try:
            headers = Headers(scope=scope)
            if scope["path"] in JOB_PATHS and (reason := self._why_not_ready()) is not None:
                # Before the picture is read: a crowd is not to wait for its own refusals.
                raise busy(f"No job is taken now, {reason}; try again in a few seconds.")
            await self._take_in(body, headers, receive)
            if not body.is_whole:
                return
            async with AsyncExitStack() as turn:
                if is_form(headers.get("content-type", "")):
                    await turn.enter_async_context(self._turns)
                await self._app(scope, _replayed(body, receive, turn), send)
        except Refusal as refusal:
            if not body.is_whole:
                # A client that still writes would be cut off before it reads the answer.
                await _discard(receive)
            response = refusal.response(scope["path"])
            response.headers["connection"] = "close"
            await response(scope, receive, send)
        finally:
            self._held_bytes -= body.size
            body.drop()

    async def _take_in(self, body: Body, headers: Headers, receive: Receive) -> None:
        """Receive a body; it is not whole where the client went away.

        Raises:
            Refusal: it breaks a limit.
        """
        content_type = headers.get("content-type", "")
        limit = MOST_BYTES_OF_FIELDS if has_fields_alone(content_type) else MOST_BYTES_OF_TEXT
        most, counter = min(limit, self._settings.max_upload_bytes), None
        if is_form(content_type):
            most = self._settings.max_upload_bytes
            self._check_room(2 * most)  # it lies here, and then where the page keeps it
            counter = FormCounter(content_type, self._settings.max_files)
        stated = headers.get("content-length", "")
        if stated.isdecimal() and int(stated[:20]) > most:
            raise _too_large(most)
        started = asyncio.get_running_loop().time()
        while not body.is_whole:
            deadline = started + PATIENCE_SECONDS + body.size / SLOWEST_BYTES
            message = await _next_message(receive, deadline)
            if message["type"] == "http.disconnect":
                return
            piece = message.get("body", b"")
            body.is_whole = not message.get("more_body", False)
            self._hold(body, piece, most)
            if counter is not None:
                counter.feed(piece)
        if counter is None and body.size:
            self._check_references(body.read(), headers.get("host", ""))

    def _check_room(self, needed: int) -> None:
        if self._uploads is not None:
            with suppress(OSError):  # where it cannot be known, writing will tell
                if shutil.disk_usage(self._uploads).free < needed:
                    raise no_room()

    def _hold(self, body: Body, piece: bytes, most: int) -> None:
        self._held_bytes += len(piece)
        body.add(piece)
        if body.size > most:
            raise _too_large(most)
        if self._held_bytes > BODIES_AT_ONCE * self._settings.max_upload_bytes:
            raise busy("Too many uploads at this moment; try again in a few seconds.")

    def _check_references(self, data: bytes, host: str) -> None:
        try:
            value = json.loads(data)
        except ValueError:
            return  # The app says better what is wrong with it.
        except RecursionError:
            raise Refusal(400, UsageError.code, "The request is nested too deeply.") from None
        if count_files(value) > _NAMES_OF_A_FILE * self._settings.max_files:
            raise too_many(self._settings.max_files, "files")
        if outside_reference(value, host, self._uploads) is not None:
            raise Refusal(
                400, UsageError.code, "Pictures are uploaded, not fetched; upload the file itself."
            )


def _replayed(body: Body, receive: Receive, turn: AsyncExitStack) -> Receive:
    """Hand on the body in pieces, then end the turn and hand on whatever the client does."""
    is_over = False

    async def replay() -> Message:
        nonlocal is_over
        if is_over:
            await turn.aclose()
            return await receive()
        piece = body.next_piece()
        is_over = body.is_read
        if is_over:
            body.drop()
        return {"type": "http.request", "body": piece, "more_body": not is_over}

    return replay


async def _next_message(receive: Receive, deadline: float) -> Message:
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError:
        raise Refusal(
            408, "E_TOO_SLOW", "The upload came in too slowly; try again on a better connection."
        ) from None


async def _discard(receive: Receive) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_SECONDS):
            message = await receive()
            while message["type"] == "http.request" and message.get("more_body", False):
                message = await receive()


def _too_large(most: int) -> Refusal:
    return Refusal(
        413,
        "E_TOO_LARGE",
        f"The upload is larger than {most / 1_000_000:g} MB, which is the most; send a smaller "
        "file, or fewer at a time.",
    )
