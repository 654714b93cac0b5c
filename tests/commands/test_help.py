"""Help of every verb: groups, examples, choices; suggestions for typos; renamed options."""

import argparse
import json
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from srgan_gp.cli import COMMANDS, build_parser, main
from srgan_gp.commands.options.suggestions import suggestion
from srgan_gp.commands.verb_parser import RENAMED
from srgan_gp.images import FORMATS

ROOT = Path(__file__).parents[2]


def parser_of(verb):
    [verbs] = [a.choices for a in build_parser()._actions if isinstance(a.choices, dict)]
    verbs[verb].load_options()
    return verbs[verb]


def help_of(verb, capsys):
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_option_is_in_a_named_group(verb):
    groups = {group.title: group._group_actions for group in parser_of(verb)._action_groups}
    assert not groups["positional arguments"]
    assert not groups["options"]
    assert list(groups)[-1] == "Help"


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_examples_are_command_lines_that_parse(verb, capsys):
    examples = import_module(f"srgan_gp.commands.{verb}").EXAMPLES
    assert len(examples) == 3
    text = help_of(verb, capsys)
    for line, purpose in examples:
        assert line in text
        assert purpose in text
        arguments = shlex.split(line)
        options = build_parser().parse_args(arguments[arguments.index("srgan-gp") + 1 :])
        assert options.run.__module__ == f"srgan_gp.commands.{verb}"
    assert capsys.readouterr().err == ""


def test_help_of_a_registry_lists_its_choices(capsys):
    networks = ROOT / "srgan_gp" / "networks"
    text = help_of("train", capsys)
    for kind in ("generators", "critics"):
        for path in (networks / kind).glob("[a-z]*.py"):
            assert path.stem in text
    for choice in ("wgan_gp", "one_sided", "r1", "r2", "charbonnier", "classic-x4", "tiny-gan"):
        assert choice in text


@pytest.mark.parametrize(
    ("verb", "task"),
    [("upscale", "super-resolution"), ("app", "super-resolution"), ("generate", "face-generation")],
)
def test_help_lists_the_models_of_the_task(verb, task, capsys):
    cards = [tomllib.loads(path.read_text()) for path in (ROOT / "weights").glob("*.toml")]
    listed = help_of(verb, capsys).splitlines()[-1].removeprefix("models: ").split(", ")
    assert set(listed) >= {card["name"] for card in cards if card["task"] == task}
    assert not set(listed) & {card["name"] for card in cards if card["task"] != task}


def test_help_lists_the_output_formats():
    [text] = [a.help for a in parser_of("upscale")._actions if a.dest == "format"]
    assert text.startswith(", ".join(name.lower() for name in FORMATS))


@pytest.mark.parametrize(
    ("arguments", "suggested"),
    [
        (["upscale", "a.png", "--scle", "3"], "--scale"),
        (["upscale", "a.png", "--max-pixel=3"], "--max-pixels"),
        (["upscale", "a.png", "--exist", "overwrit"], "overwrite"),
        (["upscale", "a.png", "--exist", "replace"], "overwrite"),
        (["upscale", "a.png", "--out", "b.png"], "--output"),
        (["train", "--data", "x", "--penalty", "wgan-gp"], "wgan_gp"),
        (["train", "--data", "x", "--totalimages", "9"], "--total-images"),
        (["train", "--preset", "clasic-x4", "--data", "x"], "classic-x4"),
        (["generate", "-o", "a.png", "--truncation", "1"], "--trunc"),
        (["finetune", "--form", "face-x4", "--data", "x"], "--from"),  # --from is required
        (["upscale", "a.png", "--look", "sharp"], "crisp"),
    ],
    ids=" ".join,
)
def test_a_typo_prints_one_line_with_a_suggestion(arguments, suggested, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    [error] = capsys.readouterr().err.splitlines()
    assert error.startswith(f"srgan-gp {arguments[0]}: error: ")
    assert error.endswith(f"; did you mean {suggested}?")


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("--height", "give --width or --scale, and"),
        ("--keep-metadata", "metadata is kept anyway"),
        ("--size", "give --scale or --width"),
        ("--sharpen", "--look chooses between"),
        ("--resume", "to continue, type the same command again"),
        ("--quiet", "see srgan-gp upscale --help"),
        ("--denoise", "see srgan-gp upscale --help"),
        ("--force", "to replace results, pass --exist overwrite"),
        ("--overwrite", "to replace results, pass --exist overwrite"),
        ("-y", "to replace results, pass --exist overwrite"),
    ],
)
def test_an_option_that_does_not_exist_is_not_taken_for_another_thing(word, advice, capsys):
    with pytest.raises(SystemExit):
        main(["upscale", "a.png", word, "800"])
    error = capsys.readouterr().err.splitlines()[-1]
    assert f"; {advice}" in error
    assert "did you mean" not in error


@pytest.mark.parametrize("verb", COMMANDS)
def test_a_long_option_with_one_dash_is_named(verb, capsys):
    options = [name for name in parser_of(verb)._option_string_actions if name.startswith("--")]
    for option in options:
        for words in ([option[1:], "7"], [f"{option[1:]}=7"]):
            with pytest.raises(SystemExit) as stop:
                main([verb, *words])
            assert stop.value.code == 2
            assert capsys.readouterr().err == (
                f"srgan-gp {verb}: error: unrecognized arguments: {words[0]}; "
                f"did you mean {option}?\n"
            )


@pytest.mark.parametrize(
    ("word", "option"),
    [("-out", "--output"), ("-in", "--input"), ("-fid", "--fidelity"), ("-rec", "--recursive")],
)
def test_the_beginning_of_a_long_option_with_one_dash_is_named(word, option, capsys):
    with pytest.raises(SystemExit):
        main(["upscale", "a.png", word, "b.png"])
    assert capsys.readouterr().err.endswith(f"arguments: {word}; did you mean {option}?\n")


def test_a_value_may_follow_a_short_option_without_a_space():
    words = ["upscale", "a.png", "-nphoto-x4", "-otwo", "-s2", "-fpng", "-ib.png", "--", "-output"]
    options = build_parser().parse_args(words)
    assert (options.model, options.output, options.scale) == ("photo-x4", "two", 2)
    assert (options.format, options.input) == ("png", ["b.png"])
    assert options.inputs == ["a.png", "-output"]


@pytest.mark.parametrize(
    ("words", "inputs"),
    [
        ("a.jpg -s 2 b.jpg -o two", ["a.jpg", "b.jpg"]),
        ("a.jpg -r b.jpg -o two c.jpg d.jpg", ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]),
        ("-r a.jpg -o two -", ["a.jpg", "-"]),
        ("a.jpg -s 2 -- -b.jpg", ["a.jpg", "-b.jpg"]),
        ("a.jpg -s 2 b.jpg -- -c.jpg -- d.jpg", ["a.jpg", "b.jpg", "-c.jpg", "--", "d.jpg"]),
    ],
)
def test_inputs_may_come_after_options(words, inputs):
    assert build_parser().parse_args(["upscale", *words.split()]).inputs == inputs
    prepared = build_parser().parse_args(["prepare", "a", "-o", "b.zip", "c"])
    assert prepared.inputs == ["a", "c"]


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        ("upscale a.jpg -s 2 b.jpg --scle 3", "b.jpg --scle 3; did you mean --scale?"),
        ("export run --name b other", "other; see srgan-gp export --help"),
    ],
)
def test_words_beside_an_unknown_option_are_no_inputs(words, unknown, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words.split())
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(f"error: unrecognized arguments: {unknown}\n")


def test_the_help_states_the_suffix_and_the_look_without_the_options(capsys):
    with pytest.raises(SystemExit):
        main(["upscale", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "and 0.5 [crisp]" in text
    assert "in the folder of -o: none" in text


def test_a_wrong_verb_gets_a_suggestion(capsys):
    with pytest.raises(SystemExit):
        main(["upscal", "a.png"])
    assert capsys.readouterr().err.endswith("; did you mean upscale?\n")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["photo.jpg"], "the command is missing; type: srgan-gp upscale photo.jpg"),
        (["my photo.JPG"], "the command is missing; type: srgan-gp upscale 'my photo.JPG'"),
        (["-s", "2", "a.png"], "the command is missing; type: srgan-gp upscale -s 2 a.png"),
        (
            ["-s", "2", "upscale", "a.png"],
            "the command comes first; type: srgan-gp upscale -s 2 a.png",
        ),
        (
            ["-s", "2", "photo.jpg", "-o", "models"],
            "the command is missing; type: srgan-gp upscale -s 2 photo.jpg -o models",
        ),
        (
            ["--scale", "2", "upscale", "a.jpg", "-o", "upscale"],
            "the command comes first; type: srgan-gp upscale --scale 2 a.jpg -o upscale",
        ),
        (["."], "the command is missing; type: srgan-gp upscale ."),
        (["help"], "help is an option; type: srgan-gp --help, or srgan-gp COMMAND --help"),
        (["help", "train"], "help is an option; type: srgan-gp train --help"),
    ],
    ids=" ".join,
)
def test_a_first_word_that_is_no_command_gets_the_line_to_type(arguments, advice, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err == f"srgan-gp: error: {advice}\n"


@pytest.mark.parametrize("word", ["enlarge", "x" * 300])
def test_a_first_word_that_is_no_image_is_not_put_into_a_line_to_type(word, capsys):
    with pytest.raises(SystemExit) as stop:
        main([word, "photo.jpg"])
    assert stop.value.code == 2
    message = f"srgan-gp: error: '{word}' is not a command; the commands are "
    assert capsys.readouterr().err.startswith(message)


def test_an_error_without_a_suggestion_names_the_help_in_one_line(capsys):
    with pytest.raises(SystemExit):
        main(["generate"])
    [error] = capsys.readouterr().err.splitlines()
    assert error.endswith("required: -o/--output; see srgan-gp generate --help")


@pytest.mark.parametrize(
    "message",
    [
        "unrecognized arguments: --qqqqqq",
        "unrecognized arguments: --quiet",
        "unrecognized arguments: extra.png",
        "expected --scale",
    ],
)
def test_no_suggestion_without_a_similar_name(message):
    assert suggestion(message, ["--scale", "--tile"]) == ""


@pytest.mark.parametrize(
    ("verb", "old", "new"),
    [(verb, *pair) for verb, names in RENAMED.items() for pair in names.items()],
)
def test_a_renamed_option_works_with_a_warning(verb, old, new, capsys):
    needed = {"finetune": ["--from", "m", "--data", "d"], "prepare": ["d", "-o", "a.zip"]}[verb]
    parsed = [
        vars(build_parser().parse_args([verb, *needed, *option]))
        for option in ([old, "0.5"], [f"{old}=0.5"], [new, "0.5"])
    ]
    assert parsed[0] == parsed[1] == parsed[2]
    warning = f"srgan-gp: warning: {old} is now {new}. The next version removes the old name.\n"
    assert capsys.readouterr().err == 2 * warning
    listed = {name for action in parser_of(verb)._actions for name in action.option_strings}
    assert new in listed
    assert old not in listed


def test_a_value_that_looks_like_a_renamed_option_stays(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["prepare", "-o", str(tmp_path / "a.zip"), "--size", "x", "--", "--held-out"])
    assert "warning" not in capsys.readouterr().err


def test_the_groups_of_train_hold_every_option_of_the_configuration(capsys):
    assert main(["train", "--data", "x", "--dry-run"]) == 0
    config = json.loads(capsys.readouterr().out)
    titles = {}
    for group in parser_of("train")._action_groups:
        titles |= {action.dest: group.title for action in group._group_actions}
    assert set(config) <= set(titles)
    assert (titles["penalty"], titles["pixel_loss"]) == ("Critic", "Losses")
    assert titles["generator"] == "Network"
    assert not any(action.help == argparse.SUPPRESS for action in parser_of("train")._actions)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["upscale", "a.jpg", "--", "-o", "out.png"], "-o"),
        (["upscale", "--", "a.jpg", "--scale=2"], "--scale"),
        (["upscale", "--", "--look"], "--look"),
        (["models", "--", "--json"], "--json"),
        (["train", "--", "--debug"], "--debug"),
    ],
)
def test_an_option_after_the_end_of_options_is_named(words, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    expected = f"error: {name} comes after --, which ends the options; put it before --"
    assert expected in capsys.readouterr().err


def test_a_file_with_the_name_of_an_option_may_come_after_the_end_of_options(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-o").touch()
    assert build_parser().parse_args(["upscale", "--", "-o"]).inputs == ["-o"]


def test_an_unknown_option_after_the_end_of_options_is_said_to_be_a_name(tmp_path, capsys):
    image = tmp_path / "a.png"
    image.touch()
    assert main(["upscale", "--", str(image), "--scle=2"]) == 2
    expected = "--scle=2 does not exist. Words after -- are names of inputs; put options before it."
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        ("-- upscale a.jpg", "upscale a.jpg"),
        ("-- upscale -o out -- -a.jpg", "upscale -o out -- -a.jpg"),
        ("-- upscale upscale -o upscale", "upscale upscale -o upscale"),
        ("-- upscale train", "upscale train"),
    ],
)
def test_the_end_of_options_before_the_command_is_named(words, proposed, capsys):
    with pytest.raises(SystemExit):
        main(words.split())
    assert capsys.readouterr().err == (
        f"srgan-gp: error: -- comes before the command; type: srgan-gp {proposed}\n"
    )


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["finetune", "--model", "photo-x4", "--data", "d"], "--from names the model"),
        (["finetune", "-n", "photo-x4", "--data", "d"], "--from names the model"),
        (["finetune", "-n", "photo-x4", "--from", "m", "--data", "d"], "--from names the model"),
        (["finetune", "-orun", "--data", "d"], "arguments are required: --from"),
        (["finetune", "--data", "d", "-o", "-5"], "arguments are required: --from"),
        (["finetune", "--from", "m", "--data", "d", "--epochs", "3"], "--set total_images=8000"),
        (["models", "photo-x4", "--verify"], "type srgan-gp models verify"),
        (["models", "--list"], "srgan-gp models lists them"),
    ],
)
def test_a_word_for_another_option_of_the_verb_gets_advice(words, advice, capsys):
    with pytest.raises(SystemExit):
        main(words)
    assert advice in capsys.readouterr().err


@pytest.mark.parametrize("words", ["mine photo-x4 --data d", "mine --data d photo-x4"])
def test_evaluate_takes_one_model_at_a_time(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", *words.split()])
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "srgan-gp evaluate: error: unrecognized arguments: photo-x4; one model at a time, and one "
        "place of images: run it once for each\n"
    )


def test_an_unknown_option_beside_a_second_model_gets_its_own_suggestion(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "mine", "photo-x4", "--data", "d", "--scle", "4"])
    assert capsys.readouterr().err.endswith("; did you mean --scale?\n")


@pytest.mark.parametrize(
    ("words", "proposed"),
    [
        ("--total_images 500", "total_images=500"),
        ("--total-images=500", "total_images=500"),
        ("--learning-rate 1e-5 --scle 2", "learning_rate=1e-5"),
        ("--patch-sizes 24 32 --json", "patch_sizes=24,32"),
    ],
)
def test_finetune_names_set_for_an_option_of_train(words, proposed, capsys):
    with pytest.raises(SystemExit):
        main(["finetune", "--from", "m", "--data", "d", *words.split()])
    assert capsys.readouterr().err.endswith(f"; pass --set {proposed}\n")


def test_finetune_names_set_for_an_option_of_train_where_from_is_missing(capsys):
    with pytest.raises(SystemExit):
        main(["finetune", "--data", "d", "--total_images", "500"])
    assert capsys.readouterr().err.endswith("; pass --set total_images=VALUE\n")
