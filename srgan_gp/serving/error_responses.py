"""Error responses: status, stable code and message, as JSON."""

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

_UPLOADS_OF_THE_PAGE = "/gradio_api/upload"
_STATUS = {
    UsageError: 400,
    ModelRefusedError: 400,  # what a client can cause is a name that does not exist
    PictureError: 422,
    Cancelled: 409,
    BusyError: 503,
    OutputError: 507,
}


class Refusal(Exception):  # noqa: N818 - the server works as it should
    """A request that goes no further.

    Args:
        status: of HTTP.
        code: a stable one for programs, such as `E_TOO_LARGE`.
        message: the sentence for the user; names nothing of the server.
        headers: sent along.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.headers = status, code, headers

    def response(self, path: str = "") -> Response:
        """Write the answer.

        Args:
            path: that was asked for.

        Returns:
            JSON, `code` and `message`; for an upload of the page the sentence alone, since the page
            shows its visitor whatever comes back.
        """
        if path.startswith(_UPLOADS_OF_THE_PAGE):
            return PlainTextResponse(str(self), self.status, headers=self.headers)
        problem = {"code": self.code, "message": str(self)}
        return JSONResponse(problem, self.status, headers=self.headers)


def busy(message: str, *, retry_seconds: int = 5) -> Refusal:
    """Refuse a request for now: 503, and when to ask again."""
    return Refusal(503, BusyError.code, message, {"Retry-After": str(retry_seconds)})


def refusal_for(error: SrganGpError) -> Refusal:
    """Give the answer to a request that ended in one of our errors: its code and its sentence."""
    if isinstance(error, BusyError):
        return busy(str(error), retry_seconds=error.retry_seconds)
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 500)
    message = str(error)
    if isinstance(error, PictureError):  # its words go after the picture's name
        message = f"This picture cannot be used: {message}."
    return Refusal(status, error.code, message)
