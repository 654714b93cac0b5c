"""`srgan-gp app`: a page for the browser and an HTTP API."""

import argparse
import dataclasses
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import say, tell
from srgan_gp.errors import BusyError, UsageError

if TYPE_CHECKING:
    from srgan_gp.serving.server_settings import ServerSettings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb; what is not given is left to `serving.settings.Settings`."""
    add = partial(parser.add_argument, default=argparse.SUPPRESS)
    add("--host", metavar="ADDRESS", help=_HOST)
    add("--port", type=_port, metavar="N", help="to listen on; 0 takes a free one [7860]")
    add(
        "--public-name",
        type=_name,
        metavar="NAME",
        help="of the server that a reverse proxy shows to others",
    )
    add("--auth", type=_auth, metavar="USER:PASSWORD", help="ask every visitor for these")
    add("-n", "--model", metavar="NAME", help="for requests that name none [photo-x4]")
    add("--device", metavar="auto|cpu|cuda[:N]", help="what to compute on [auto]")
    add("--threads", type=types.count, metavar="N", help="CPU threads [one for each core]")
    add("--allow-finetune", action="store_true", help="let visitors train models on this machine")
    add("--max-upload-mb", type=types.count, metavar="N", help="of one request [50]")
    add("--max-files", type=types.count, metavar="N", help="of one batch [100]")
    add("--max-pixels", type=types.count, metavar="N", help="of a picture [25000000]")
    add("--queue-size", type=types.count, metavar="N", help="jobs that may wait [64]")
    add("--pending-per-client", type=types.count, metavar="N", help="jobs of one visitor [8]")
    add("--folder", type=Path, metavar="PATH", help="for temporary files [the system's]")
    add("--keep-minutes", type=types.count, metavar="N", help="keep uploads and results [10]")
    add("--drain-seconds", type=types.count, metavar="N", help=_DRAIN)


_HOST = "to listen on; 0.0.0.0 lets other machines in, with --auth if not all may [127.0.0.1]"
_DRAIN = "when a signal ends the server, jobs under way may go on for so long [30]"


def run(options: argparse.Namespace) -> int:
    """Serve until a signal comes; 0 when all work was delivered, 1 when some was cut off."""
    from srgan_gp.serving.http.server import serve
    from srgan_gp.serving.server_settings import ServerSettings

    given = vars(options)
    fields = {field.name for field in dataclasses.fields(ServerSettings)}
    values = {name: value for name, value in given.items() if name in fields}
    if "max_upload_mb" in given:
        values["max_upload_bytes"] = options.max_upload_mb * 1_000_000
    if "keep_minutes" in given:
        values["keep_seconds"] = options.keep_minutes * 60
    settings = ServerSettings(**values)
    _check(settings.folder)
    if serve(settings, on_started=_announce):
        return 0
    say(f"Work was cut off after {settings.drain_seconds:g} s; raise --drain-seconds to wait "
        "for longer.")  # fmt: skip
    return BusyError.exit_code


def _announce(settings: "ServerSettings") -> None:
    from srgan_gp.models.catalog import list_models
    from srgan_gp.serving.guards.access_control import is_loopback
    from srgan_gp.serving.http.server import address_of

    list_models(on_refused=lambda error: say(f"warning: {error}"))
    place = ""
    if not is_loopback(settings.host):
        place = ", elsewhere with the name of this machine in it"
        if settings.auth is None:
            say("warning: anybody who reaches this machine can use the server; pass --auth "
                "USER:PASSWORD if not all may.")  # fmt: skip
    tell(address_of(settings))
    say(f"Open this address in a browser{place}; Ctrl+C ends the server.")


def _check(folder: Path | None) -> None:
    if folder is not None and not folder.is_dir():
        raise UsageError(f"--folder {folder} is no folder; make it first.")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is from 0 to 65535, not {text}")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError(
            f"write the name alone, such as example.org, without http:// and port; not {text!r}"
        )
    return text


def _auth(text: str) -> tuple[str, str]:
    user, separator, password = text.partition(":")
    if not user or not separator or not password:
        # The text is not repeated: it may be a password, and terminals are logged.
        raise argparse.ArgumentTypeError("write USER:PASSWORD, both of them not empty")
    return user, password
