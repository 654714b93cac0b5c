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
from srgan_gp.serving.public_messages import for_clients, shown_to_clients

SECRET = "/srv/secret/app/file"


@pytest.mark.parametrize(
    "error",
    [
        PictureError("E_DISK_FULL", f"no room in {SECRET}"),
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
def test_no_error_shows_a_folder_of_the_server_and_each_keeps_its_kind(error):
    shown = for_clients(error)
    assert "/srv" not in str(shown)
    assert "secret" not in str(shown)
    if isinstance(error, SrganGpError):
        assert (type(shown), shown.code) == (type(error), error.code)


@pytest.mark.parametrize("error", [BusyError("Wait.", retry_seconds=7), Cancelled("It ended.")])
def test_what_is_for_the_client_anyway_is_passed_on(error):
    assert for_clients(error) is error


def test_running_out_of_memory_is_about_the_picture():
    assert for_clients(MemoryError()).code == "E_OUT_OF_MEMORY"


def test_what_is_hidden_goes_to_the_log(caplog):
    for_clients(OutputError(SECRET))
    assert SECRET in caplog.text


def test_an_upload_that_was_removed_is_to_be_chosen_again():
    shown = for_clients(PictureError("E_VANISHED", "there is no such file; check the name"))
    assert (shown.code, "choose it again" in str(shown)) == ("E_VANISHED", True)
    assert "check the name" not in str(shown)


def test_errors_of_a_block_are_shown_as_strangers_may_see_them():
    with pytest.raises(OutputError, match=r"^The server has no room"), shown_to_clients():
        raise OutputError(f"cannot write {SECRET}: the disk is full")
