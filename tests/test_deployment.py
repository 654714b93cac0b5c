"""Files of the guide to deploying: systemd unit, Dockerfiles, limits of nginx."""

import configparser
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from srgan_gp.cli import build_parser
from srgan_gp.serving.server_settings import ServerSettings

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "docs" / "guides" / "deploy"
DOCKERFILES = ["Dockerfile", "Dockerfile.cuda"]


def options_of(words):
    """Parse a command line of the app."""
    assert words[:2] == ["srgan-gp", "app"]
    return build_parser().parse_args(words[1:])


@pytest.fixture(scope="module")
def unit():
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "srgan-gp.service", encoding="utf-8")
    return parser


def test_the_unit_starts_the_app_and_waits_for_its_jobs(unit):
    program, *words = shlex.split(unit["Service"]["ExecStart"])
    options = options_of([Path(program).name, *words])
    assert options.public_name == "example.org"
    assert int(unit["Service"]["TimeoutStopSec"]) > ServerSettings().drain_seconds + 5
    assert unit["Service"]["Restart"] == "on-failure"


def test_the_unit_is_hardened(unit):
    service = unit["Service"]
    names = [
        "NoNewPrivileges",
        "DynamicUser",
        "PrivateTmp",
        "PrivateDevices",
        "ProtectHome",
        "ProtectKernelModules",
        "RestrictNamespaces",
        "MemoryDenyWriteExecute",
    ]
    for name in names:
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert (service["IPAddressDeny"], service["IPAddressAllow"]) == ("any", "localhost")


def test_the_unit_lets_decoders_limit_themselves(unit):
    """The group @resources has setrlimit, which each decoder process calls."""
    text = (DEPLOY / "srgan-gp.service").read_text("utf-8")
    denied = re.findall(r"^SystemCallFilter=~(.*)$", text, re.MULTILINE)
    assert denied == ["@privileged"]


def instructions(name):
    """Return (instruction, rest) of a Dockerfile; continued lines are joined."""
    text = (DEPLOY / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(None, 1)) for line in lines]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_hadolint_has_no_complaint(name):
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DEPLOY / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_notices_a_fault(tmp_path):
    fault = tmp_path / "Dockerfile"
    fault.write_text("FROM debian\nRUN cd /tmp && apt-get install -y curl\n")
    hadolint = Path(sys.executable).with_name("hadolint")
    assert subprocess.run([hadolint, fault], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_container_runs_the_app_without_root(name):
    found = dict(instructions(name))
    user, _, group = found["USER"].partition(":")
    assert int(user) > 0 < int(group)
    options = options_of(json.loads(found["ENTRYPOINT"]))
    assert options.host == "0.0.0.0"
    assert f"http://127.0.0.1:{options.port}/healthz" in found["HEALTHCHECK"]
    assert found["EXPOSE"] == str(options.port)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_the_build_context_has_what_the_package_needs(name):
    lines = (DEPLOY / f"{name}.dockerignore").read_text("utf-8").splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    assert lines[lines.index("*") :].index("*") == 0, "everything else is left out"
    for path in kept:
        assert (ROOT / path).exists(), path
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {project["project"]["readme"], *wheel["packages"], *wheel["force-include"]}
    needed |= {path.partition("/")[0] for path in project["project"]["license-files"]}
    commands = " ".join(rest for kind, rest in instructions(name) if kind == "RUN")
    needed |= set(re.findall(r"[\w/-]+\.(?:txt|py)\b", commands)) - {"/tmp/app.txt"}
    assert needed <= kept


def test_the_requirements_of_the_app_are_those_of_the_extra():
    done = subprocess.run(
        [sys.executable, "scripts/app_requirements.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert done.stdout.splitlines() == project["optional-dependencies"]["app"]


def test_the_limit_of_nginx_is_just_above_that_of_the_app():
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    mebibytes = int(re.search(r"client_max_body_size (\d+)m;", text)[1])
    limit = ServerSettings().max_upload_bytes
    assert limit < mebibytes * 2**20 < 1.2 * limit
    assert f"http://127.0.0.1:{ServerSettings().port};" in text
