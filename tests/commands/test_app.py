"""`srgan-gp app`: options become settings; wrong ones are refused before the server starts."""

import argparse
import dataclasses
import re
import socket

import pytest

from srgan_gp.cli import main
from srgan_gp.commands.app import add_options
from srgan_gp.errors import UsageError
from srgan_gp.inference import ort_engine
from srgan_gp.serving.http import server
from srgan_gp.serving.monitoring import metrics_page
from srgan_gp.serving.server_settings import ServerSettings


@pytest.fixture
def served(monkeypatch):
    """Record the settings instead of serving."""
    seen = []

    def serve(settings, *, on_started):
        seen.append(settings)
        on_started(settings)
        return "unlucky" not in settings.model

    monkeypatch.setattr(server, "serve", serve)
    return seen


def test_without_options_the_default_settings_are_used(served, capsys):
    assert main(["app"]) == 0
    assert served == [ServerSettings()]
    captured = capsys.readouterr()
    assert captured.out == "http://127.0.0.1:7860\n"
    assert captured.err == "Open this address in a browser; Ctrl+C stops the server.\n"


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("192.0.2.7", "192.0.2.7")],
)
def test_a_server_open_to_all_is_warned_about_and_its_address_can_be_opened(
    served, capsys, host, address
):
    warning = "warning: every machine that can connect to this one can use the server; pass --auth"
    assert main(["app", "--host", host]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"http://{address}:7860\n"
    assert captured.err.count(warning) == 1
    assert main(["app", "--host", host, "--auth", "me:secret"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"http://{address}:7860\n"
    assert "warning" not in captured.err and "secret" not in captured.err


def test_an_unusable_model_is_named_at_the_start(served, capsys, tmp_path, monkeypatch):
    (tmp_path / "broken.toml").write_text("no card")
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    assert main(["app"]) == 0
    assert f"warning: The model card {tmp_path / 'broken.toml'} cannot" in capsys.readouterr().err


def test_cancelled_jobs_are_reported(served, capsys):
    assert main(["app", "--model", "unlucky", "--drain-seconds", "7"]) == 1
    message = "second signal or after the 7 s of --drain-seconds; unfinished jobs and connections"
    assert message in " ".join(capsys.readouterr().err.split())


def test_every_option_reaches_the_settings(served, tmp_path):
    arguments = [
        "--public-name",
        "example.org",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
        "--auth",
        "me:a:b",
        "--model",
        "classic-x4",
    ]
    arguments += ["--device", "cpu", "--threads", "2", "--allow-finetune", "--max-upload-mb", "7"]
    arguments += ["--max-files", "3", "--max-pixels", "99", "--queue-size", "5"]
    arguments += ["--trusted-proxy", "10.0.0.7", "fd00::/8", "--metrics-port", "9100"]
    arguments += ["--offer", "one", "two"]
    arguments += ["--pending-per-client", "4", "--folder", str(tmp_path), "--keep-minutes", "2"]
    weights = tmp_path / "features.safetensors"
    weights.touch()
    arguments += ["--feature-weights", str(weights)]
    assert main(["app", *arguments, "--drain-seconds", "9"]) == 0
    expected = ServerSettings(
        host="0.0.0.0", port=0, public_name="example.org", auth=("me", "a:b"),
        model="classic-x4", device="cpu", threads=2, allow_finetune=True,
        max_upload_bytes=7_000_000, max_files=3, max_pixels=99, queue_size=5,
        pending_per_client=4, folder=tmp_path, keep_seconds=120, drain_seconds=9,
        trusted_proxies=("10.0.0.7", "fd00::/8"), metrics_port=9100, feature_weights=weights,
        offer=("one", "two"),
    )  # fmt: skip
    assert served == [expected]
    changed = [f.name for f in dataclasses.fields(ServerSettings)
               if getattr(expected, f.name) == f.default]  # fmt: skip
    assert changed == [], "an option that is left out of this test"


def test_the_help_states_the_defaults_of_the_settings():
    parser = argparse.ArgumentParser()
    add_options(parser)
    helps = {action.option_strings[-1][2:]: action.help or "" for action in parser._actions}
    stated = {
        name: found[1] for name, text in helps.items() if (found := re.search(r"\[(.*)\]$", text))
    }
    defaults = ServerSettings()
    for name in ("host", "port", "device", "model", "max_files", "max_pixels", "queue_size",
                 "pending_per_client", "drain_seconds"):  # fmt: skip
        assert stated[name.replace("_", "-")] == str(getattr(defaults, name)), name
    assert stated["trusted-proxy"] == " ".join(defaults.trusted_proxies)
    assert stated["max-upload-mb"] == str(defaults.max_upload_bytes // 1_000_000)
    assert stated["keep-minutes"] == str(int(defaults.keep_seconds // 60))


@pytest.mark.parametrize(
    "arguments",
    [["--port", "65536"], ["--port", "-1"], ["--port", "http"], ["--auth", "hunter2"],
     ["--public-name", "https://example.org"], ["--public-name", "example.org:443"],
     ["--public-name", ""], ["--auth", ":hunter2"], ["--auth", "me:"],
     ["--threads", "0"], ["--max-upload-mb", "0"], ["--trusted-proxy", "*"],
     ["--trusted-proxy", "nginx"], ["--trusted-proxy", "10.0.0.1/8"], ["--metrics-port", "-1"]],
    ids=" ".join,
)  # fmt: skip
def test_wrong_values_are_refused(served, capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        main(["app", *arguments])
    assert stopped.value.code == 2
    assert served == []
    assert "hunter2" not in capsys.readouterr().err


def test_no_proxy_is_trusted_on_request(served):
    assert main(["app", "--trusted-proxy", "none"]) == 0
    assert served[0].trusted_proxies == ()


def test_the_address_of_the_metrics_is_announced(served, capsys):
    assert main(["app", "--metrics-port", "9100"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "http://127.0.0.1:7860\n"
    assert captured.err.endswith("Metrics: http://127.0.0.1:9100/metrics\n")


def test_a_metrics_port_in_use_is_reported(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["app", "--port", "0", "--metrics-port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"Port {port} of 127.0.0.1 cannot be opened for the metrics" in error
    assert "Pass another --metrics-port." in error


def test_a_missing_folder_is_refused(served, capsys, tmp_path):
    assert main(["app", "--folder", str(tmp_path / "none")]) == 2
    assert "create it first" in capsys.readouterr().err
    assert served == []


def test_a_port_in_use_is_reported(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["app", "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert f"Port {port} of 127.0.0.1 cannot be opened" in error
    assert "--port" in error


@pytest.mark.parametrize("host", ["a" * 70, "a..b", "\udcff"])
def test_an_invalid_host_name_is_reported(capsys, host):
    assert main(["app", "--host", host, "--port", "0"]) == 2
    error = capsys.readouterr().err
    assert "cannot be opened" in error
    assert "Traceback" not in error


def test_an_address_of_another_machine_is_reported(capsys):
    assert main(["app", "--host", "192.0.2.1"]) == 2
    assert "192.0.2.1" in capsys.readouterr().err


def test_a_missing_model_is_reported_before_the_first_request(capsys):
    assert main(["app", "--port", "0", "--model", "nosuch"]) == 8
    error = capsys.readouterr().err
    assert "Unknown model 'nosuch'. Known models: " in error
    assert "internal" not in error


def test_a_missing_gpu_is_reported_before_the_first_request(
    capsys, monkeypatch, tiny_model, onnx_models
):
    path = tiny_model()
    onnx_models.write_card(path)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    monkeypatch.setattr(ort_engine, "why_no_gpu", lambda index: "it is gone")
    assert main(["app", "--port", "0", "--model", "tiny", "--device", "cuda"]) == 7
    captured = capsys.readouterr()
    assert "The device cuda:0 cannot be used: it is gone. Choose the device cpu" in captured.err
    assert captured.out == ""


def test_another_name_of_the_loopback_address_is_recognised(monkeypatch):
    """Whether a server is local is decided by the address, so that other sites cannot use it."""
    seen = []

    def service(settings):
        seen.append(settings)
        raise UsageError("enough")

    monkeypatch.setattr(metrics_page, "Service", service)
    assert main(["app", "--host", "127.1", "--port", "0"]) == 2
    assert seen[0].host == "127.0.0.1"
    assert seen[0].port > 0
