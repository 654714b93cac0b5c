import json
import os
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from srgan_gp.errors import LockedError, OutputError, TrainingError, UsageError
from srgan_gp.exporting.export import load_run
from srgan_gp.losses.pixel import PIXEL_LOSSES
from srgan_gp.networks import build
from srgan_gp.system.file_locks import locked
from srgan_gp.system.signals import Stopped
from srgan_gp.training import checkpoint, device, resume
from srgan_gp.training.loop import train
from srgan_gp.training.run_log import Reports
from srgan_gp.training.tasks import SuperResolution


def tensors_of(run_dir, images_seen=64):
    return load_file(run_dir / "checkpoints" / f"image-{images_seen:09d}.safetensors")


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def lines_of(run_dir):
    return [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]


@pytest.fixture
def halved_run(finished_run, tmp_path):
    """The same run as after a power failure behind its middle checkpoint."""
    halved = tmp_path / "halved"
    shutil.copytree(finished_run, halved)
    for suffix in ("json", "safetensors"):
        (halved / "checkpoints" / f"image-000000064.{suffix}").unlink()
    return halved


def test_the_files_of_a_run(finished_run):
    names = {path.name for path in finished_run.iterdir()}
    documents = {"config.json", "data.json", "stats.jsonl", "progress.json"}
    assert names == documents | {"checkpoints", "previews", "tensorboard", ".lock"}
    previews = sorted(path.name for path in (finished_run / "previews").iterdir())
    assert previews == ["before.png", "image-000000032.png", "image-000000064.png"]
    preview = np.asarray(Image.open(finished_run / "previews" / previews[-1]))
    # Labels, and four rows of input, result before, result now, original.
    assert preview.shape == (16 + 4 * 64, 4 * 64 + 3 * 4, 3)
    before = np.asarray(Image.open(finished_run / "previews" / "before.png"))
    assert np.array_equal(preview[16:, 68:132], before)
    assert not np.array_equal(preview[16:, 136:200], before)
    assert preview[:16].max() == 255  # the labels


def test_a_stopped_run_ends_with_the_same_bits(finished_run, halved_run, tiny_config, pictures):
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert same(tensors_of(halved_run), tensors_of(finished_run))


@pytest.mark.parametrize("part", ["generator.", "average.", ".exp_avg", ".exp_avg_sq", ".step"])
def test_without_one_part_of_the_state_the_bits_differ(
    finished_run, halved_run, tiny_config, pictures, part, monkeypatch
):
    read = checkpoint.read

    def read_without_part(path):
        tensors, numbers = read(path)
        torch.manual_seed(1)
        for name in tensors:
            if name.startswith(part) or (name.startswith("optimizer.") and name.endswith(part)):
                tensors[name] = torch.rand_like(tensors[name]) / 100
        return tensors, numbers

    monkeypatch.setattr(checkpoint, "read", read_without_part)
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert not same(tensors_of(halved_run), tensors_of(finished_run))


@pytest.mark.parametrize("number", ["images_seen", "step"])
def test_without_one_number_of_the_state_the_bits_differ(
    finished_run, halved_run, tiny_config, pictures, number, monkeypatch
):
    read = checkpoint.read

    def read_without_number(path):
        tensors, numbers = read(path)
        return tensors, numbers | {number: numbers[number] - (4 if number == "images_seen" else 1)}

    monkeypatch.setattr(checkpoint, "read", read_without_number)
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert not same(tensors_of(halved_run), tensors_of(finished_run))


def test_a_run_on_other_images_is_not_resumed(halved_run, tiny_config, pictures, tmp_path):
    others = shutil.copytree(pictures, tmp_path / "others")
    shutil.copy(next(others.glob("*.png")), others / "one_more.png")
    state = {path: path.read_bytes() for path in halved_run.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match=r"4 then, 5 now") as refused:
        train(tiny_config(), [str(others)], halved_run, validation=str(pictures))
    assert str(halved_run) in str(refused.value)
    assert {path: path.read_bytes() for path in halved_run.rglob("*") if path.is_file()} == state


def test_a_run_is_not_resumed_with_other_validation_images_or_none(
    halved_run, tiny_config, pictures, tmp_path
):
    others = shutil.copytree(pictures, tmp_path / "others")
    next(others.glob("*.png")).unlink()
    for validation, count in ((None, 0), (str(others), 3)):
        with pytest.raises(UsageError, match=f"4 then, {count} now.* same --validation"):
            train(tiny_config(), [str(pictures)], halved_run, validation=validation)


def test_the_same_images_may_be_moved_and_an_old_run_may_lack_their_record(
    finished_run, halved_run, tiny_config, pictures, tmp_path
):
    moved = shutil.copytree(pictures, tmp_path / "moved")
    (halved_run / "data.json").unlink()
    train(tiny_config(), [str(moved)], halved_run, validation=str(moved))
    assert same(tensors_of(halved_run), tensors_of(finished_run))
    records = [json.loads((run / "data.json").read_text()) for run in (halved_run, finished_run)]
    assert records[0].pop("places") == [str(moved)]
    assert records[1].pop("places") == [str(pictures)]
    assert records[0] == records[1]


def test_a_run_of_a_version_with_other_options_and_scores_is_resumed(
    finished_run, halved_run, tiny_config, pictures
):
    def change(path, change_values):
        values = json.loads(path.read_text())
        values.pop("numbers_sha256", None)  # that version did not write it
        change_values(values)
        path.write_text(json.dumps(values))

    change(halved_run / "config.json", lambda values: values.update(grid_weight=0.05))
    half = halved_run / "checkpoints" / "image-000000032.json"
    change(half, lambda values: values["validation"].update(grid=1.0))
    log = halved_run / "stats.jsonl"
    log.write_text(log.read_text() + '{"images_seen": 32, "validation/grid": 1.0}\n')
    with pytest.warns(UserWarning, match=r"are ignored: grid_weight 0\.05"):
        train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert same(tensors_of(halved_run), tensors_of(finished_run))
    assert any("validation/grid" in line for line in lines_of(halved_run))


def test_the_log_has_no_doubled_lines_after_a_resume(
    finished_run, halved_run, tiny_config, pictures
):
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    timeless = [
        {k: v for k, v in line.items() if k != "seconds"} for line in lines_of(finished_run)
    ]
    again = [{k: v for k, v in line.items() if k != "seconds"} for line in lines_of(halved_run)]
    assert again == timeless


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_the_run_resumes_to_the_same_bits(
    finished_run, tiny_config, pictures, tmp_path, monkeypatch, number, code
):
    advance = Reports.advance

    def advance_and_signal(self, images_seen, *values):
        advance(self, images_seen, *values)
        if images_seen == 20:
            os.kill(os.getpid(), number)

    arguments = tiny_config(), [str(pictures)], tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(Reports, "advance", advance_and_signal)
        with pytest.raises(Stopped) as stopped:
            train(*arguments, validation=str(pictures))
    assert stopped.value.code == code
    assert tensors_of(tmp_path / "stopped", 20)
    train(*arguments, validation=str(pictures))
    assert same(tensors_of(tmp_path / "stopped"), tensors_of(finished_run))


def test_tensorboard_shows_every_point_once_after_a_resume(
    finished_run, halved_run, tiny_config, pictures
):
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    for run_dir in (finished_run, halved_run):
        board = EventAccumulator(str(run_dir / "tensorboard")).Reload()
        assert [point.step for point in board.Scalars("loss")] == [16, 32, 48, 64]


def test_the_best_weights_are_kept_even_between_two_checkpoints(
    tiny_config, pictures, tmp_path, monkeypatch
):
    scores = iter([1.0, 5.0, 3.0, 2.0])
    monkeypatch.setattr(SuperResolution, "validate", lambda *_: {"psnr_y": next(scores)})
    config = tiny_config(validate_images=16, checkpoint_images=64)
    run_dir = train(config, [str(pictures)], tmp_path / "run", validation=str(pictures))
    assert load_run(run_dir)[2] == 32


def test_training_learns(tiny_config, pictures, tmp_path):
    config = tiny_config(
        total_images=400,
        learning_rate=5e-3,
        report_images=100,
        validate_images=100,
        checkpoint_images=400,
    )
    run_dir = train(config, [str(pictures)], tmp_path / "run", validation=str(pictures))
    losses = [line["loss"] for line in lines_of(run_dir) if "loss" in line]
    scores = [v for line in lines_of(run_dir) if (v := line.get("validation/psnr_y"))]
    assert losses[-1] < 0.6 * losses[0]
    assert scores[-1] > scores[0] + 2


def test_another_seed_gives_other_weights(finished_run, tiny_config, pictures, tmp_path):
    run_dir = train(tiny_config(seed=1), [str(pictures)], tmp_path / "other")
    assert not same(tensors_of(run_dir), tensors_of(finished_run))


def test_bfloat16_trains_and_keeps_float32_weights(tiny_config, pictures, finished_run, tmp_path):
    run_dir = train(tiny_config(precision="bf16"), [str(pictures)], tmp_path / "run")
    assert {value.dtype for value in tensors_of(run_dir).values()} == {torch.float32}
    assert not same(tensors_of(run_dir), tensors_of(finished_run))  # it did compute otherwise


BF16_CPU, OTHER_CPU = "flags : avx2 avx512_bf16", "flags : avx2"


@pytest.fixture
def on_cpu(tmp_path, monkeypatch):
    """Make the CPU have these flags."""
    monkeypatch.setattr(device, "CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(device, "bf16_speedup", lambda: 2.0)
    return (tmp_path / "cpuinfo").write_text


def cut_at_32(run_dir, **changes):
    """Leave the run as it was at its middle checkpoint, with changes to the numbers of that."""
    for path in (run_dir / "checkpoints").glob("*64.*"):
        path.unlink()
    path = run_dir / "checkpoints" / "image-000000032.json"
    numbers = json.loads(path.read_text()) | changes | {"numbers_sha256": None}
    path.write_text(json.dumps({k: v for k, v in numbers.items() if v is not None}))


def precision_of(run_dir):
    return checkpoint.newest(run_dir / "checkpoints")[1]["precision"]


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_a_finished_run_that_is_called_again_says_so(
    tiny_config, pictures, tmp_path, capsys, precision
):
    arguments = tiny_config(precision=precision), [str(pictures)], tmp_path / "run"
    run_dir = train(*arguments)
    lines = lines_of(run_dir)
    capsys.readouterr()
    train(*arguments)
    printed = " ".join(capsys.readouterr().err.split())
    assert printed.startswith("This run is finished, and nothing is trained. It has seen 64 of 64")
    assert "continues" not in printed and "Previews" not in printed
    assert lines_of(run_dir) == lines


@pytest.mark.parametrize("begun_in", ["bf16", "fp32"])
def test_auto_chooses_the_precision_at_each_resume_and_logs_it(
    tiny_config, pictures, tmp_path, on_cpu, capsys, begun_in
):
    cpus = {"bf16": BF16_CPU, "fp32": OTHER_CPU}
    goes_on_in = "fp32" if begun_in == "bf16" else "bf16"
    arguments = tiny_config(precision="auto"), [str(pictures)], tmp_path / "run"
    on_cpu(cpus[begun_in])
    run_dir = train(*arguments)
    assert precision_of(run_dir) == begun_in
    never_stopped = tensors_of(run_dir)
    assert "precision" not in capsys.readouterr().err

    cut_at_32(run_dir)
    on_cpu(cpus[goes_on_in])
    train(*arguments)
    assert precision_of(run_dir) == goes_on_in
    assert not same(tensors_of(run_dir), never_stopped)
    message = f"The run continues in {goes_on_in}, chosen by --precision auto; before: {begun_in}."
    assert message in " ".join(capsys.readouterr().err.split())
    logged = [line for line in lines_of(run_dir) if "message" in line]
    assert [line["images_seen"] for line in logged] == [32]
    assert logged[0]["message"].startswith(message)

    cut_at_32(run_dir)
    on_cpu(cpus[begun_in])
    train(*arguments)
    assert precision_of(run_dir) == begun_in
    assert same(tensors_of(run_dir), never_stopped)


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_precision_that_was_set_is_kept_on_any_cpu(
    tiny_config, pictures, tmp_path, on_cpu, capsys, precision
):
    arguments = tiny_config(precision=precision), [str(pictures)], tmp_path / "run"
    on_cpu(OTHER_CPU if precision == "bf16" else BF16_CPU)
    never_stopped = tensors_of(train(*arguments))
    cut_at_32(arguments[-1])
    on_cpu(BF16_CPU if precision == "bf16" else OTHER_CPU)
    assert same(tensors_of(train(*arguments)), never_stopped)
    assert precision_of(arguments[-1]) == precision
    assert "continues" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("saved", "is_printed"),
    [({"precision": "bf16"}, True), ({"precision": None, "machine": None}, False)],
)
def test_a_checkpoint_of_an_earlier_version_continues_in_the_fast_precision(
    tiny_config, pictures, tmp_path, on_cpu, capsys, saved, is_printed
):
    arguments = tiny_config(precision="auto"), [str(pictures)], tmp_path / "run"
    on_cpu(OTHER_CPU)
    train(*arguments)
    cut_at_32(arguments[-1], **saved)
    train(*arguments)
    assert precision_of(arguments[-1]) == "fp32"
    assert (
        "fp32, chosen by --precision auto; before: bf16" in capsys.readouterr().err
    ) is is_printed


def test_a_resume_on_another_machine_says_what_differs(
    halved_run, tiny_config, pictures, monkeypatch, capsys
):
    monkeypatch.setattr(resume, "describe_machine", lambda _: {"threads": 99})
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    printed = " ".join(capsys.readouterr().err.split())
    assert f"machine has changed: threads 99, before: {torch.get_num_threads()}. The w" in printed


def test_on_the_same_machine_a_resume_prints_no_message(halved_run, tiny_config, pictures, capsys):
    capsys.readouterr()
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert "The " not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "values"),
    [
        (lambda loss: loss * float("nan"), "loss of nan and a gradient norm of nan"),
        (lambda loss: loss + float("inf"), r"loss of inf and a gradient norm of [\d.]+"),
        (lambda loss: loss + (loss - loss).sqrt(), r"loss of [\d.]+ and a gradient norm of nan"),
    ],
    ids=["both", "loss", "gradient"],
)
def test_a_value_that_is_not_finite_stops_the_run_before_the_update(
    tiny_config, pictures, tmp_path, monkeypatch, spoil, values
):
    def broken(output, target):
        broken.calls += 1
        loss = (output - target).abs().mean()
        return spoil(loss) if broken.calls == 10 else loss

    broken.calls = 0
    monkeypatch.setitem(PIXEL_LOSSES, "l1", broken)
    config = tiny_config(checkpoint_images=4)
    with pytest.raises(
        TrainingError,
        match=rf"After 36 images the generator has a {values}; .*\.png.* Lower learning_rate",
    ):
        train(config, [str(pictures)], tmp_path / "run")
    tensors, numbers = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert numbers["step"] == 9
    assert all(torch.isfinite(value).all() for value in tensors.values())


def test_other_options_do_not_continue_a_run(finished_run, tiny_config, pictures):
    with pytest.raises(UsageError, match=r"width \(16, before: 8\)"):
        train(tiny_config(generator_args=("width=16", "blocks=2")), [str(pictures)], finished_run)


def test_a_finished_run_can_be_made_longer(finished_run, tiny_config, pictures, tmp_path):
    longer = shutil.copytree(finished_run, tmp_path / "longer")
    train(tiny_config(total_images=96), [str(pictures)], longer, validation=str(pictures))
    assert (longer / "checkpoints" / "image-000000096.json").exists()


def test_a_run_starts_from_another_models_weights(finished_run, tiny_config, pictures, tmp_path):
    average = {
        name.removeprefix("average."): value
        for name, value in tensors_of(finished_run).items()
        if name.startswith("average.")
    }
    weights = tmp_path / "model.safetensors"
    save_file(average, weights)
    config = tiny_config(learning_rate=1e-12, final_learning_rate=1e-12)
    run_dir = train(config, [str(pictures)], tmp_path / "second", start_from=weights)
    continued = tensors_of(run_dir)
    for name, value in average.items():
        torch.testing.assert_close(continued[f"generator.{name}"], value, rtol=0, atol=1e-6)


def test_weights_of_another_architecture_are_refused(tiny_config, pictures, tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    for name in ("other.safetensors", "missing.safetensors"):
        with pytest.raises(UsageError, match=name):
            train(tiny_config(), [str(pictures)], tmp_path / "run", start_from=tmp_path / name)


def test_an_image_that_is_too_small_is_named_before_the_first_step(tiny_config, pictures, tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "small.png")
    with pytest.raises(UsageError, match=r"1 of 5 images .* below 48 pixels.*small\.png"):
        train(tiny_config(), [str(pictures), str(tmp_path)], tmp_path / "run")


def test_a_validation_image_smaller_than_its_border_is_named_before_the_first_step(
    tiny_config, pictures, tmp_path
):
    Image.new("RGB", (11, 40)).save(tmp_path / "small.png")
    with pytest.raises(UsageError, match=r"1 of 1 images .* below 12 pixels.*small\.png"):
        train(tiny_config(), [str(pictures)], tmp_path / "run", validation=str(tmp_path))


def test_a_missing_gpu_is_a_device_error(tiny_config, pictures, tmp_path, monkeypatch):
    from srgan_gp.errors import DeviceError

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match="cuda was asked for"):
        train(replace(tiny_config(), device="cuda"), [str(pictures)], tmp_path / "run")


def test_weights_of_another_width_are_named_with_both_shapes(tiny_config, pictures, tmp_path):
    torch.manual_seed(0)
    other = build("generators", "srresnet", scale=4, width=16, blocks=2)
    save_file(other.state_dict(), tmp_path / "wide.safetensors")
    with pytest.raises(
        UsageError, match=r"tensors differ, such as .*\(16.* there and \(8"
    ) as caught:
        train(
            tiny_config(), [str(pictures)], tmp_path / "run",
            start_from=tmp_path / "wide.safetensors",
        )  # fmt: skip
    assert len(str(caught.value)) < 400


def test_a_second_run_in_the_folder_is_refused_and_writes_nothing(
    halved_run, tiny_config, pictures
):
    arguments = tiny_config(), [str(pictures)], halved_run
    with locked(halved_run / ".lock", halved_run):
        state = {path: path.read_bytes() for path in halved_run.rglob("*") if path.is_file()}
        with pytest.raises(LockedError, match=f"{halved_run}. Wait"):
            train(*arguments, validation=str(pictures))
        found = {path: path.read_bytes() for path in halved_run.rglob("*") if path.is_file()}
        assert found == state
    train(*arguments, validation=str(pictures))


def test_a_checkpoint_is_read_under_the_lock(halved_run, tiny_config, pictures, monkeypatch):
    read = resume.load_checkpoint

    def read_locked(*arguments):
        with pytest.raises(LockedError), locked(halved_run / ".lock", halved_run):
            pass
        return read(*arguments)

    monkeypatch.setattr(resume, "load_checkpoint", read_locked)
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))


@pytest.mark.parametrize("occupied", ["run", "run/checkpoints"])
def test_a_folder_that_is_a_file_is_one_message(tiny_config, pictures, tmp_path, occupied):
    path = tmp_path / occupied
    path.parent.mkdir(exist_ok=True)
    path.write_text("kept")
    with pytest.raises(OutputError, match=f"cannot write {path}: there is a file of that name"):
        train(tiny_config(), [str(pictures)], tmp_path / "run")
    assert path.read_text() == "kept"


def test_a_run_that_has_ended_prints_the_reason_when_it_is_resumed(
    halved_run, tiny_config, pictures, capsys
):
    newest = halved_run / "checkpoints" / "image-000000032.json"
    numbers = json.loads(newest.read_text()) | {"ended_because": "The score has turned."}
    del numbers["numbers_sha256"]
    newest.write_text(json.dumps(numbers))
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert capsys.readouterr().err.splitlines() == [
        "This run is finished, and nothing is trained. The score has turned. For a new run choose "
        "another output folder."
    ]


def test_what_a_killed_run_left_half_written_is_removed(halved_run, tiny_config, pictures):
    left = [
        halved_run / folder / f".{name}.0123abcd.part"
        for folder, name in (("checkpoints", "image-000000064"), (".", "stats.jsonl"))
    ]
    for path in left:
        path.write_bytes(b"half")
    train(tiny_config(), [str(pictures)], halved_run, validation=str(pictures))
    assert not any(path.exists() for path in left)


def test_a_signal_does_not_wait_for_a_validation(tiny_config, pictures, tmp_path, monkeypatch):
    def stop_at_once(self, images_seen, *_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Reports, "advance", stop_at_once)
    with pytest.raises(Stopped):
        train(tiny_config(), [str(pictures)], tmp_path / "run", validation=str(pictures))
    assert tensors_of(tmp_path / "run", 4)
    previews = tmp_path / "run" / "previews"
    assert [path.name for path in previews.iterdir()] == ["before.png"]
