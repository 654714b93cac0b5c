"""`srgan-gp app`: starts the web page and the HTTP API.

Heavy modules are imported inside functions, so that `--help` is fast.
"""

import argparse
import dataclasses
import ipaddress
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import print_message, print_result
from srgan_gp.errors import SrganGpError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from srgan_gp.serving.server_settings import ServerSettings


MODEL_TASKS = ("super-resolution",)  # `--help` lists the models of these tasks
# Command line and purpose of each example in `--help`.
EXAMPLES = (
    ("srgan-gp app", "Serve the page on this machine; its address is printed on stdout."),
    (
        "srgan-gp app --host 0.0.0.0 --auth user:password --max-files 20",
        "Serve other machines, with a password and smaller batches.",
    ),
    (
        "srgan-gp app --port 8000 --public-name images.example.org",
        "Serve behind a reverse proxy that has the name images.example.org.",
    ),
)

# Help texts of the options; the default is in brackets.
_OFFER = "imported models that visitors may use, besides that of --model [none]"
_HOST = "address to listen on; 0.0.0.0 accepts other machines, use it with --auth [127.0.0.1]"
_PUBLIC_NAME = "host name under which a reverse proxy serves this server"
_TRUSTED_PROXY = (
    "addresses or networks of reverse proxies; their X-Forwarded-For tells clients apart, that of "
    "others is ignored; none trusts no proxy [127.0.0.1]"
)
_METRICS_PORT = "port of 127.0.0.1 for the metrics page of Prometheus; 0 chooses one [no metrics]"
_FEATURE_WEIGHTS = (
    "weights file of SqueezeNet 1.1 (.safetensors or .pth) for the training of visitors, instead "
    "of a download [the file of `srgan-gp fetch feature-network`]"
)
_KEEP = "minutes to keep uploads and results [10]"
_DRAIN = "seconds to finish running and queued jobs after a signal [30]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb.

    An option that the user does not type gets no attribute (`argparse.SUPPRESS`), so that `run`
    uses the default of `ServerSettings`.
    """

    def group(title: str) -> "Callable[..., argparse.Action]":
        """Return `add_argument` of a new group of the help."""
        return partial(parser.add_argument_group(title).add_argument, default=argparse.SUPPRESS)

    add = group("Common options")
    add("--host", metavar="ADDRESS", help=_HOST)
    add("--port", type=_port, metavar="N", help="port to listen on; 0 chooses a free one [7860]")
    add("-n", "--model", metavar="NAME", help="model of requests that name none [photo-x4]")
    add("--offer", nargs="+", type=str, metavar="NAME", help=_OFFER)
    add = group("Access")
    add("--auth", type=_auth, metavar="USER:PASSWORD", help="require this user and password")
    add("--public-name", type=_host_name, metavar="NAME", help=_PUBLIC_NAME)
    add("--trusted-proxy", type=_network, nargs="+", metavar="ADDRESS", help=_TRUSTED_PROXY)
    add("--allow-finetune", action="store_true", help="let visitors train models on this machine")
    add("--feature-weights", type=Path, metavar="FILE", help=_FEATURE_WEIGHTS)
    add = group("Limits")
    add("--max-upload-mb", type=types.count, metavar="N", help="megabytes of one request [50]")
    add("--max-files", type=types.count, metavar="N", help="files of one batch [100]")
    add("--max-pixels", type=types.count, metavar="N", help="pixels of one image [25000000]")
    add("--queue-size", type=types.count, metavar="N", help="jobs in the queue [64]")
    add("--pending-per-client", type=types.count, metavar="N", help="jobs of one client [8]")
    add = group("Speed")
    add("--device", metavar="auto|cpu|cuda[:N]|tensorrt[:N]", help="device to compute on [auto]")
    add("--threads", type=types.count, metavar="N", help="CPU threads [one per core]")
    add = group("Files and shutdown")
    add("--folder", type=Path, metavar="PATH", help="folder for temporary files [the system's]")
    add("--keep-minutes", type=types.count, metavar="N", help=_KEEP)
    add("--drain-seconds", type=types.count, metavar="N", help=_DRAIN)
    add = group("Monitoring")
    add("--metrics-port", type=_port, metavar="N", help=_METRICS_PORT)


def run(options: argparse.Namespace) -> int:
    """Serve until a signal; return 0, or 1 if unfinished jobs had to be cancelled."""
    from srgan_gp.serving.http.server import serve
    from srgan_gp.serving.server_settings import ServerSettings

    # `options` has only the options that the user typed. Most of them are settings as they are. The
    # list of `offer` becomes a tuple; the others have other names than their settings, and some of
    # them other units.
    typed_options = vars(options)
    setting_names = {field.name for field in dataclasses.fields(ServerSettings)}
    values = {name: value for name, value in typed_options.items() if name in setting_names}
    if "offer" in typed_options:
        values["offer"] = tuple(options.offer)
    if "max_upload_mb" in typed_options:
        values["max_upload_bytes"] = options.max_upload_mb * 1_000_000
    if "keep_minutes" in typed_options:
        values["keep_seconds"] = options.keep_minutes * 60
    if "trusted_proxy" in typed_options:  # `_network` returns an empty text for `none`
        values["trusted_proxies"] = tuple(proxy for proxy in options.trusted_proxy if proxy)
    settings = ServerSettings(**values)
    _check_paths(settings)
    if serve(settings, on_started=_announce):  # whether all jobs were finished
        return 0
    print_message(
        f"Stopped by a second signal or after the {settings.drain_seconds:g} s of --drain-seconds; "
        "unfinished jobs and connections were cut off."
    )
    return SrganGpError.exit_code  # 1


def _announce(settings: "ServerSettings") -> None:
    """Print the address, and warnings; called when the server accepts connections.

    Args:
        settings: settings of the server, with the numeric address and the port that it listens on.
    """
    from srgan_gp.models.catalog import list_models
    from srgan_gp.serving.guards.access_control import is_loopback
    from srgan_gp.serving.http.server import address_of

    # The list is not needed, only a warning about each model that cannot be used.
    list_models(on_refused=lambda error: print_message(f"warning: {error}"))
    other_machines = ""
    if not is_loopback(settings.host):
        other_machines = " (on other machines, with the name of this one)"
        if settings.auth is None:
            print_message(
                "warning: every machine that can connect to this one can use the server; pass "
                "--auth USER:PASSWORD to require a password."
            )
    print_result(address_of(settings))
    print_message(f"Open this address in a browser{other_machines}; Ctrl+C stops the server.")
    if settings.metrics_port is not None:
        print_message(f"Metrics: http://127.0.0.1:{settings.metrics_port}/metrics")


def _check_paths(settings: "ServerSettings") -> None:
    """Raise a UsageError if a path of the settings does not exist."""
    if settings.folder is not None and not settings.folder.is_dir():
        raise UsageError(f"--folder {settings.folder} is not a folder; create it first.")
    if settings.feature_weights is not None and not settings.feature_weights.is_file():
        raise UsageError(f"--feature-weights {settings.feature_weights} is not a file.")


def _port(text: str) -> int:
    """Parse a port; argparse prints the errors of this function and of the parsers below."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"the port must be from 0 to 65535, not {text}")
    return int(text)


def _network(text: str) -> str:
    """Parse an IP address or a network in CIDR notation; the result for `none` is an empty text."""
    if text == "none":
        return ""
    try:
        return str(ipaddress.ip_network(text)) if "/" in text else str(ipaddress.ip_address(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"write an address or a network such as 10.0.0.0/8, or none, not {text!r}"
        ) from None


def _host_name(text: str) -> str:
    """Parse a host name without scheme and port."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
        raise argparse.ArgumentTypeError(
            f"write a name such as example.org, without http:// and port, not {text!r}"
        )
    return text


def _auth(text: str) -> tuple[str, str]:
    """Parse USER:PASSWORD into its two parts; the password may contain colons."""
    user, separator, password = text.partition(":")
    if not user or not separator or not password:
        # The text is not repeated: it may be a password, and terminals are logged.
        raise argparse.ArgumentTypeError("write USER:PASSWORD; neither may be empty")
    return user, password
