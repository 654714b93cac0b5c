"""Limits of request bodies: size, speed, total of all bodies, and the files that they name.

Gradio limits single uploaded files only, and leaves partial files behind when a client disconnects.
Here a body is buffered, on the disk in a file without a name, and forwarded when it is complete.
"""

import asyncio
import json
import math
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
from srgan_gp.serving.guards.lingering_close import LINGER_FACTOR, respond_and_linger
from srgan_gp.serving.guards.multipart_limits import (
    NEEDS_FILE,
    FormCounter,
    is_multipart,
    is_urlencoded,
    too_many,
)
from srgan_gp.serving.guards.spooled_body import Body, no_space
from srgan_gp.serving.server_settings import ServerSettings

MAX_TEXT_BYTES = 1_000_000
"""Maximum size of a body that is not a form; messages of the page have a few kB."""
MAX_URLENCODED_BYTES = 10_000
"""Maximum size of a form without files; parsing a megabyte of `&` would take two seconds."""
BODY_TIMEOUT_SECONDS = 20.0
"""Time to receive a body, in addition to one second for each `MIN_BYTES_PER_SECOND` received."""
MIN_BYTES_PER_SECOND = 50_000
"""Slowest upload that is accepted for a large body; slower ones would keep disk space occupied."""
MAX_BODIES = 8
"""Limit of the disk space of all buffered bodies together: so many times `max_upload_bytes`."""
MAX_FORMS = 4
"""Forms that are parsed concurrently; more would delay all other requests."""

# A JSON body may name up to this many times `max_files` files. So a request with slightly more
# files than `max_files` reaches the page, which has its own message about them.
_REFERENCES_PER_FILE = 2


class BodyLimits:
    """ASGI middleware: refuses bodies that are too large or too slow, or name files not uploaded.

    Args:
        app: inner ASGI app.
        settings: settings of the server, with the limits.
        uploads: directory of the page's files, the only ones that a request may name; None: no
            page is mounted.
        not_ready_reason: function that returns why no job is accepted now, or None if one is.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServerSettings,
        uploads: Path | None = None,
        not_ready_reason: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._app = app
        self._not_ready_reason = not_ready_reason
        self._settings = settings
        self._uploads = uploads
        self._buffered_bytes = 0  # of all bodies
        self._form_slots = asyncio.Semaphore(MAX_FORMS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Buffer the body, then forward the request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = Body(self._settings.folder)
        try:
            await self._forward(body, scope, receive, send)
        except Refusal as refusal:
            response = refusal.response(scope["path"])
            response.headers["connection"] = "close"
            # Many clients read no response before they end their upload, so the rest is received,
            # up to `LINGER_FACTOR` times the largest allowed upload in all.
            most = LINGER_FACTOR * self._settings.max_upload_bytes
            max_rest = 0 if body.is_complete else most - body.size  # in bytes
            await respond_and_linger(response, max_rest, scope, receive, send)

    async def _forward(self, body: Body, scope: Scope, receive: Receive, send: Send) -> None:
        """Receive the body and forward the request; then free the buffer.

        Raises:
            Refusal: a limit is exceeded, or no job is accepted now.
        """
        try:
            headers = Headers(scope=scope)
            if scope["path"] in JOB_PATHS:  # paths that create jobs
                # Checked before the upload is received, so that refusals are fast under load.
                reason = self._not_ready_reason()
                if reason is not None:
                    raise busy(f"No job is accepted now: {reason}. Try again in a few seconds.")
            await self._receive(body, scope["path"], headers, receive)
            if not body.is_complete:  # the client has disconnected
                return
            async with AsyncExitStack() as slot:  # one of `MAX_FORMS`, if the body is a form
                if is_multipart(headers.get("content-type", "")):
                    await slot.enter_async_context(self._form_slots)
                await self._app(scope, _replay(body, receive, slot), send)
        finally:
            self._buffered_bytes -= body.size
            body.close()

    async def _receive(self, body: Body, path: str, headers: Headers, receive: Receive) -> None:
        """Receive a body; it stays incomplete if the client disconnects.

        Raises:
            Refusal: a limit is exceeded.
        """
        content_type = headers.get("content-type", "")
        counter = None
        if is_multipart(content_type):
            max_bytes = self._settings.max_upload_bytes
            self._check_disk_space(2 * max_bytes)  # buffered here, then stored by the page
            counter = FormCounter(content_type, self._settings.max_files)
        else:
            limit = MAX_URLENCODED_BYTES if is_urlencoded(content_type) else MAX_TEXT_BYTES
            max_bytes = min(limit, self._settings.max_upload_bytes)
        too_large = _too_large(max_bytes)
        if counter is None and path == "/api/upscale":  # probably the bytes of an image
            too_large = Refusal(400, UsageError.code, NEEDS_FILE)
        length = headers.get("content-length", "")
        # Python refuses to parse thousands of digits; twenty exceed any limit.
        if length.isdecimal() and int(length[:20]) > max_bytes:
            raise too_large
        started = asyncio.get_running_loop().time()
        while not body.is_complete:
            deadline = started + BODY_TIMEOUT_SECONDS + body.size / MIN_BYTES_PER_SECOND
            message = await _next_message(receive, deadline)
            if message["type"] == "http.disconnect":
                return
            chunk = message.get("body", b"")
            body.is_complete = not message.get("more_body", False)
            self._buffered_bytes += len(chunk)
            body.write(chunk)
            if body.size > max_bytes:
                raise too_large
            if self._buffered_bytes > MAX_BODIES * self._settings.max_upload_bytes:
                raise busy("The server receives too many uploads. Try again in a few seconds.")
            if counter is not None:
                counter.feed(chunk)
        if counter is None and body.size:
            self._check_references(body.read(), headers.get("host", ""))

    def _check_disk_space(self, needed_bytes: int) -> None:
        """Raise a `Refusal` if the disk with the page's files has less free space than needed."""
        if self._uploads is not None:
            with suppress(OSError):  # the space is unknown: writing reports a full disk
                if shutil.disk_usage(self._uploads).free < needed_bytes:
                    raise no_space()

    def _check_references(self, data: bytes, host: str) -> None:
        """Check the files that a JSON body names; a body that is not JSON names none.

        Args:
            data: the body.
            host: Host header of the request.

        Raises:
            Refusal: the files are too many or not uploads of this server, or the JSON is invalid.
        """
        try:
            value = json.loads(data, parse_float=_finite, parse_constant=_finite)
        except OverflowError:
            raise Refusal(
                400, UsageError.code, "The JSON contains a number that is not finite."
            ) from None
        except ValueError:
            return  # The app reports invalid JSON.
        except RecursionError:
            raise Refusal(400, UsageError.code, "The JSON is nested too deeply.") from None
        if count_files(value) > _REFERENCES_PER_FILE * self._settings.max_files:
            raise too_many(self._settings.max_files, "files")
        if outside_reference(value, host, self._uploads) is not None:
            raise Refusal(
                400,
                UsageError.code,
                "Files cannot be named by URL or path. Upload the file itself.",
            )


def _finite(text: str) -> float:
    """Parse a number of JSON.

    Raises:
        OverflowError: the number is infinite or NaN, which JSON does not allow. Gradio would fail
            to put it into its own error message.
    """
    number = float(text)
    if not math.isfinite(number):
        raise OverflowError(text)
    return number


def _replay(body: Body, receive: Receive, slot: AsyncExitStack) -> Receive:
    """Return a `receive` that replays the body in chunks, and then forwards the client's messages.

    Args:
        body: the complete body.
        receive: receives messages of the client.
        slot: holds the place of the form among `MAX_FORMS`; released when the body was replayed.
    """
    is_replayed = False

    async def replay() -> Message:
        nonlocal is_replayed
        if is_replayed:  # the inner app has parsed the form and waits for a disconnect
            await slot.aclose()
            return await receive()
        chunk = body.next_chunk()
        is_replayed = body.is_read
        if is_replayed:
            body.close()
        return {"type": "http.request", "body": chunk, "more_body": not is_replayed}

    return replay


async def _next_message(receive: Receive, deadline: float) -> Message:
    """Receive a message before a time of the event loop's clock, or raise a `Refusal`."""
    try:
        async with asyncio.timeout_at(deadline):
            return await receive()
    except TimeoutError:
        raise Refusal(
            408, "E_TOO_SLOW", "The upload was too slow. Try again on a faster connection."
        ) from None


def _too_large(max_bytes: int) -> Refusal:
    """Build the refusal of a body above a limit."""
    return Refusal(
        413,
        "E_TOO_LARGE",
        f"The upload is larger than {max_bytes / 1_000_000:g} MB. Send a smaller file, or fewer "
        "files at a time.",
    )
