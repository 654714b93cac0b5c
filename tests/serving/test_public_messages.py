import errno
from pathlib import Path

import pytest

from srgan_gp.errors import (
    BusyError,
    Cancelled,
    DeviceError,
    ModelRefusedError,
    OutputError,
    PictureError,
    SrganGpError,
    UsageError,
)
from srgan_gp.serving.error_responses import refusal_for
from srgan_gp.serving.public_messages import errors_for_clients, for_clients
from srgan_gp.system.write_errors import convert_write_errors

SECRET = "/srv/secret/app/file"


@pytest.mark.parametrize(
    "error",
    [
        PictureError("E_DISK_FULL", f"no space in {SECRET}"),
        PictureError("E_DAMAGED", f"it is damaged: {SECRET}"),
        UsageError(f"There is no {SECRET}."),
        OutputError(f"{SECRET} cannot be written: no space left."),
        ModelRefusedError(f"The model file {SECRET} is missing."),
        DeviceError(f"{SECRET} failed"),
        OSError(5, "failed", SECRET),
        MemoryError(SECRET),
        KeyError(SECRET),
    ],
)
def test_errors_for_clients_hide_paths_and_keep_class_and_code(error):
    shown = for_clients(error)
    assert "/srv" not in str(shown)
    assert "secret" not in str(shown)
    if isinstance(error, SrganGpError):
        assert (type(shown), shown.code) == (type(error), error.code)


@pytest.mark.parametrize("error", [BusyError("Wait.", retry_seconds=7), Cancelled("It ended.")])
def test_busy_and_cancelled_errors_are_unchanged(error):
    assert for_clients(error) is error


def test_memory_error_becomes_an_image_error():
    assert for_clients(MemoryError()).code == "E_OUT_OF_MEMORY"


def test_hidden_details_are_logged(caplog):
    for_clients(OutputError(SECRET))
    assert SECRET in caplog.text


def test_an_expired_upload_must_be_chosen_again():
    shown = for_clients(PictureError("E_NOT_FOUND", "it does not exist; check the name"))
    assert (shown.code, "choose the file again" in str(shown)) == ("E_VANISHED", True)
    assert "check the name" not in str(shown)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "The server has no free disk space."),
        (errno.EDQUOT, "The server has no free disk space."),
        (errno.EROFS, "The server may not write to its disk."),
        (errno.ENAMETOOLONG, "The file name is too long"),
        (errno.EIO, "The server cannot write a file (Input/output error)."),
        (None, "The server cannot write a file. Try"),
    ],
)
def test_a_failed_write_has_its_true_reason_without_the_path(number, reason):
    with (
        pytest.raises(OutputError) as shown,
        errors_for_clients(),
        convert_write_errors(Path(SECRET)),
    ):
        if number is None:
            raise OutputError(f"cannot write {SECRET}: it is locked")
        raise OSError(number, f"failed at {SECRET}", SECRET)
    assert str(shown.value).startswith(reason)
    assert "secret" not in str(shown.value)


def test_full_disk_message_continues_the_name_of_an_image():
    shown = for_clients(PictureError("E_DISK_FULL", f"no space in {SECRET}"))
    assert str(refusal_for(shown)) == (
        "This image cannot be used: the server has no free disk space; try again later."
    )
