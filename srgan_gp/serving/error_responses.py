"""HTTP error responses: status, stable error code and message, as JSON.

Guards and routes raise a `Refusal`; `refusal_for` converts an error of this package into a
`Refusal`.
"""

from starlette.responses import JSONResponse, PlainTextResponse, Response

from srgan_gp.errors import (
    BusyError,
    Cancelled,
    ModelRefusedError,
    OutputError,
    PictureError,
    SrganGpError,
    UsageError,
)

_PAGE_UPLOAD_PATH = "/gradio_api/upload"
"""Path to which the Gradio page uploads files."""
_STATUS_BY_CLASS = {
    UsageError: 400,
    # An unknown name is a `UsageError`. This one is about a model of the server: its network or
    # card is damaged, or its partner is missing. With another model the request may succeed.
    ModelRefusedError: 400,
    PictureError: 422,
    Cancelled: 409,
    OutputError: 507,
}
"""HTTP status by error class, subclasses included; 500 for any other class but `BusyError`."""


class Refusal(Exception):  # noqa: N818 - not an error of the server
    """A request that is answered by an error response.

    Args:
        status: HTTP status code.
        code: stable error code for programs, such as `E_TOO_LARGE`.
        message: text for the user, without any path of the server.
        headers: additional response headers.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers

    def response(self, path: str = "") -> Response:
        """Build the response.

        Args:
            path: path of the request; "": it is not an upload of the page.

        Returns:
            JSON with `code` and `message`; for an upload of the page only the message, as plain
            text, because the page displays the response body.
        """
        if path.startswith(_PAGE_UPLOAD_PATH):
            return PlainTextResponse(str(self), self.status, headers=self.headers)
        content = {"code": self.code, "message": str(self)}
        return JSONResponse(content, self.status, headers=self.headers)


def busy(message: str, *, retry_seconds: int = 5) -> Refusal:
    """Build a refusal with status 503.

    Args:
        message: text for the user.
        retry_seconds: value of the Retry-After header, after which the client may try again; 5 for
            a state that lasts seconds, such as a full queue.
    """
    return Refusal(503, BusyError.code, message, {"Retry-After": str(retry_seconds)})


def refusal_for(error: SrganGpError) -> Refusal:
    """Convert an error of this package into a refusal with its code and message.

    Args:
        error: error whose message is for clients, as `public_messages.for_clients` returns it.
    """
    if isinstance(error, BusyError):  # the only class with a Retry-After header
        return busy(str(error), retry_seconds=error.retry_seconds)
    # No class of the table is a subclass of another one, so there is one status at most.
    statuses = (status for kind, status in _STATUS_BY_CLASS.items() if isinstance(error, kind))
    status = next(statuses, 500)
    message = str(error)
    if isinstance(error, PictureError):  # the message of this class is the end of a sentence
        message = f"This image cannot be used: {message}."
    return Refusal(status, error.code, message)
