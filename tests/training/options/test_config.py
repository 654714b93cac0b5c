import argparse
import inspect
import json
import re
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import list_differences, load_config, save_config
from srgan_gp.training.options.option_fields import add_options
from srgan_gp.training.options.presets import PRESETS, resolve


def parsed(*words):
    parser = argparse.ArgumentParser()
    add_options(parser, TrainConfig)
    return vars(parser.parse_args(words))


def test_an_option_that_is_not_set_lets_the_preset_show_through():
    config = resolve("tiny", parsed("--batch-size", "2"))
    assert config == replace(PRESETS["tiny"], batch_size=2)


def test_options_take_the_types_of_their_fields():
    options = parsed("--patch-sizes", "8", "16", "--patch-starts", "0", "0.5", "--threads", "3")
    config = resolve("classic-x4", options)
    assert config.patch_sizes == (8, 16)
    assert config.patch_starts == (0.0, 0.5)
    assert config.threads == 3


def test_every_field_has_a_help_text_and_an_option(capsys):
    parser = argparse.ArgumentParser(prog="train")
    add_options(parser, TrainConfig)
    text = parser.format_help()
    for f in fields(TrainConfig):
        assert f.metadata["help"]
        assert "--" + f.name.replace("_", "-") in text


def test_no_comment_of_presets_or_recipes_states_a_time_or_a_measurement():
    # No command prints these, so that they cannot be kept true.
    root = Path(__file__).parents[3]
    places = [Path(inspect.getfile(resolve)), *(root / "scripts" / "recipes").glob("*.sh")]
    assert len(places) > 1
    measured = re.compile(r"\b(a|\w+ty|\d+) second\b|\b(seconds|minutes?|hours?|dB|MB)\b")
    comments = [
        (path.name, comment)
        for path in places
        for comment in re.findall(r"(?m)(?:^|\s)#.*", path.read_text())
    ]
    assert len(comments) > 20
    assert not [(name, comment) for name, comment in comments if measured.search(comment)]


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_its_file(tmp_path, name):
    save_config(PRESETS[name], tmp_path / "config.json")
    assert load_config(tmp_path / "config.json") == PRESETS[name]


def with_removed_options(path, **values):
    save_config(PRESETS["tiny-gan"], path)
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return path


def test_options_of_earlier_versions_are_ignored_with_a_warning_if_they_were_set(tmp_path):
    path = with_removed_options(tmp_path / "config.json", grid_weight=0.15, most_grid=1.3)
    with pytest.warns(
        UserWarning, match=r"are ignored: grid_weight 0\.15, most_grid 1\.3\."
    ) as seen:
        assert load_config(path) == PRESETS["tiny-gan"]
    assert len(seen) == 1


def test_removed_options_at_their_defaults_are_ignored_without_a_word(tmp_path):
    path = with_removed_options(tmp_path / "config.json", grid_weight=0.0, most_grid=None)
    assert load_config(path) == PRESETS["tiny-gan"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"unknown": 1}', '{"batch_size": 0}'])
def test_a_file_that_holds_no_configuration_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises((TrainingError, UsageError)):
        load_config(tmp_path / "config.json")


@pytest.mark.parametrize(
    "changes",
    [
        {"total_images": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"final_learning_rate": -1.0},
        {"adam_beta1": 1.0},
        {"adam_beta2": -0.1},
        {"scale": 0},
        {"threads": 0},
        {"threads": 1025},
        {"critic_width": 10**6},
        {"total_images": 10**9},  # checkpoints are put in order by nine digits
        {"total_images": 10**400},
        {"seed": -1},
        {"seed": 2**63},
        {"patch_sizes": (0,), "patch_starts": (0.0,)},
        {"patch_sizes": (), "patch_starts": ()},
        {"ema_decay": 1.0},
        {"patch_starts": (0.0, 0.5)},
        {"patch_sizes": (8, 8), "patch_starts": (0.5, 0.6)},
        {"patch_sizes": (8, 8, 8), "patch_starts": (0.0, 0.6, 0.5)},
        {"pixel_loss": "l3"},
        {"task": "colouring"},
        {"precision": "fp8"},
    ],
)
def test_values_that_make_no_sense_are_refused(changes):
    with pytest.raises(UsageError):
        replace(PRESETS["classic-x4"], **changes)


def test_the_largest_seed_is_named_to_the_digit():
    assert TrainConfig(seed=9223372036854775807).seed == 9223372036854775807
    with pytest.raises(UsageError, match="at most 9223372036854775807, not 9223372036854775808"):
        TrainConfig(seed=9223372036854775808)


def test_a_run_whose_generator_would_never_step_is_refused():
    changes = {"critic_warmup_images": 20, "critic_steps": 3, "batch_size": 10}
    TrainConfig(total_images=50, adversarial_ratio=0.3, **changes)
    TrainConfig(total_images=49, **changes)  # no critic, no warm-up
    with pytest.raises(UsageError, match=r"49 ends .* least 50: .* 20 \+ .* 3 \* .* 10\."):
        TrainConfig(total_images=49, adversarial_ratio=0.3, **changes)


def test_patches_grow_at_the_stated_shares():
    config = TrainConfig(total_images=1000, patch_sizes=(8, 16, 24), patch_starts=(0, 0.5, 0.9))
    sizes = [config.patch_size(n) for n in (0, 499, 500, 899, 900, 1000)]
    assert sizes == [8, 8, 16, 16, 24, 24]


def test_only_options_that_change_the_result_count_as_differences():
    before = PRESETS["tiny"]
    args = ("blocks=2", "width=16")
    after = replace(before, generator_args=args, seed=3, report_images=1, total_images=10)
    assert list_differences(after, before) == ["width (16, before: 8)", "seed (3, before: 0)"]
    assert list_differences(after, before, ["total_images", "batch_size"]) == [
        "total_images (10, before: 64)"
    ]


def test_an_unknown_preset_lists_the_known_ones():
    with pytest.raises(UsageError, match="classic-x4"):
        resolve("huge", {})


def test_nothing_but_plain_values_is_stored():
    assert all(
        isinstance(v, int | float | str | tuple | None) for v in asdict(TrainConfig()).values()
    )


def test_a_single_patch_size_needs_no_start():
    assert resolve("photo-x4-cpu", {"patch_sizes": [16]}).patch_starts == (0.0,)
    with pytest.raises(UsageError, match="one value for each of patch_sizes"):
        resolve("photo-x4-cpu", {"patch_sizes": [16], "patch_starts": [0.0, 0.5]})
    with pytest.raises(UsageError, match="one value for each of patch_sizes"):
        resolve("photo-x4-cpu", {"patch_sizes": [16, 24, 32]})
