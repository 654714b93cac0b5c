"""The card of a fine-tuned model: texts of the original model and its own."""

import shutil
import tomllib

import pytest
import tomli_w

from srgan_gp.data.image_sources import list_images, write_list
from srgan_gp.exporting import export as exporting
from srgan_gp.exporting.export import export
from srgan_gp.exporting.exported_card import UNFINISHED, read_run_card
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_source import find_source
from srgan_gp.finetuning.finetune_verdict import Row, Verdict
from srgan_gp.finetuning.install import install, save_first_card, save_run_card
from srgan_gp.models.cards import read_card
from srgan_gp.training.resume import save_start


def test_the_card_describes_both_models_and_names_no_partner(finished_run, tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "mine"))
    before = export(finished_run, "before", tmp_path)
    data = {"what": "photos", "licence": "CC0", "attribution": "nobody"}
    limits = [
        "Text comes out wrong.", "Smoother than sharp: --fidelity slides between the two.",
        "Edges are raised; blocks too. On drawings, --look faithful gives smoother lines.",
    ]  # fmt: skip
    card = tomllib.loads(before.read_text())
    card |= {"licence": "CC0", "data": [data], "limits": limits, "fidelity_partner": "sharp"}
    before.write_text(tomli_w.dumps(card))
    verdict = Verdict(True, ("so it is",), (Row("psnr_y", "matlab", 20.0, 21.0),))
    outcome = FinetuneResult("before", finished_run, 30, 7, "", 64, 64, "", 1.0, verdict)
    after = read_card(install(outcome, str(before.with_suffix(".onnx")), "after"))
    assert (after.name, after.licence, after.fidelity_partner) == ("after", "CC0", None)
    assert "fine-tuned on 30 images" in after.summary
    assert after.limits[0] == "Text comes out wrong."
    assert after.limits[1] == "Edges are raised; blocks too."
    assert not any(word in limit for word in ("sharp", "--") for limit in after.limits)
    assert [one.what for one in after.data][:1] == ["photos"]
    assert after.data[-1].consent == "unstated"
    assert [(one.metric, one.value) for one in after.scores] == [("psnr_y", 21.0)]


def test_an_export_of_a_fine_tuning_has_the_card_of_an_installation(
    finished_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "mine"))
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    before = export(run, "before", tmp_path)
    card = tomllib.loads(before.read_text()) | {"licence": "CC0"}
    before.write_text(tomli_w.dumps(card))
    verdict = Verdict(False, ("no",), (Row("psnr_y", "matlab", 20.0, 19.0),))
    outcome = FinetuneResult("before", run, 30, 7, "", 64, 64, "", 1.0, verdict)
    model = str(before.with_suffix(".onnx"))
    save_run_card(outcome, model)
    exported, installed = export(run, "same", tmp_path), install(outcome, model, "same")
    texts = ("summary", "licence", "recipe", "limits", "data", "scores")
    cards = [read_card(path) for path in (exported, installed)]
    assert len({str([getattr(card, name) for name in texts]) for card in cards}) == 1
    assert cards[0].licence == "CC0"
    assert cards[0].scores[0].protocol == "low-res by matlab; before fine-tuning 20"
    assert b"CC0" in exported.with_suffix(".onnx").read_bytes()


def test_an_unfinished_run_is_exported_with_origin_licence_and_data(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    before = export(run, "before", tmp_path)
    data = {"what": "photos", "licence": "CC BY-NC-SA 4.0", "attribution": "nobody"}
    card = tomllib.loads(before.read_text()) | {"licence": "CC BY-NC-SA 4.0", "data": [data]}
    before.write_text(tomli_w.dumps(card))
    save_first_card(find_source(str(before.with_suffix(".onnx"))), 30, run)
    exported = export(run, "unfinished", tmp_path)
    card = read_card(exported)
    assert card.licence == "CC BY-NC-SA 4.0"
    assert b"CC BY-NC-SA 4.0" in exported.with_suffix(".onnx").read_bytes()
    assert card.summary == "before, fine-tuned on 30 images."
    assert card.recipe == "srgan-gp finetune --from before"
    assert [one.what for one in card.data] == [
        "photos", "30 images of the person who fine-tuned it",
    ]  # fmt: skip
    assert "was not finished" in card.limits[-1]
    assert card.scores == ()


def test_the_card_of_a_run_with_checkpoints_is_kept(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    source = find_source(str(export(run, "before", tmp_path).with_suffix(".onnx")))
    (run / "card.toml").write_text('licence = "CC0"')
    save_first_card(source, 30, run)
    assert (run / "card.toml").read_text() == 'licence = "CC0"'
    shutil.rmtree(run / "checkpoints")
    save_first_card(source, 30, run)
    assert "30 images" in (run / "card.toml").read_text()


def test_the_scores_of_faces_have_their_truncation(finished_run, tmp_path):
    run = shutil.copytree(finished_run, tmp_path / "run")
    model = str(export(run, "before", tmp_path).with_suffix(".onnx"))
    verdict = Verdict(True, ("so it is",), (Row("fd_hog", "", 2.0, 1.0),))
    save_run_card(FinetuneResult("before", run, 30, 7, "", 64, 64, "", 1.0, verdict), model)
    [score] = tomllib.loads((run / "card.toml").read_text())["scores"]
    assert score["protocol"] == (
        "mean of 4 sets of 7 generated faces, truncation 1; before fine-tuning 2"
    )


def test_a_fine_tuning_takes_nothing_from_the_card_of_another_model(
    finished_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    run = shutil.copytree(finished_run, tmp_path / "run")
    earlier = {"licence": "MIT", "fidelity_partner": "sharp", "imported": {"file": "a.pth"}}
    (tmp_path / "mine.toml").write_text(tomli_w.dumps(earlier))
    (run / "card.toml").write_text(tomli_w.dumps({"licence": "CC0", "summary": "Tuned."}))
    path = export(run, "mine", tmp_path, exist="overwrite")
    card = read_card(path)
    assert (card.licence, card.fidelity_partner, card.imported) == ("CC0", None, None)
    assert b"CC0" in path.with_suffix(".onnx").read_bytes()


def test_an_export_replaces_the_record_of_an_import_and_keeps_the_other_entries(
    finished_run, tmp_path
):
    earlier = {"licence": "MIT", "fidelity_partner": "sharp", "imported": {"file": "a.pth"}}
    (tmp_path / "mine.toml").write_text(tomli_w.dumps(earlier))
    card = read_card(export(finished_run, "mine", tmp_path, exist="overwrite"))
    assert (card.licence, card.fidelity_partner, card.imported) == ("MIT", "sharp", None)


def unfinished_run(finished_run, tmp_path):
    """Copy a run, with the card of a fine-tuning of `before` on 30 images that has not ended."""
    run = shutil.copytree(finished_run, tmp_path / "run")
    before = export(run, "before", tmp_path).with_suffix(".onnx")
    save_first_card(find_source(str(before)), 30, run)
    return run, str(before)


def test_a_run_that_is_exported_again_after_its_end_gets_the_card_of_its_end(
    finished_run, tmp_path
):
    run, before = unfinished_run(finished_run, tmp_path)
    assert UNFINISHED in read_card(export(run, "mine", tmp_path)).limits
    verdict = Verdict(True, ("so it is",), (Row("psnr_y", "matlab", 20.0, 21.0),))
    save_run_card(FinetuneResult("before", run, 30, 7, "", 64, 64, "", 1.0, verdict), before)
    card = read_card(export(run, "mine", tmp_path))
    assert UNFINISHED not in card.limits
    assert [score.value for score in card.scores] == [21.0]
    # After that the author's own texts are kept.
    path = tmp_path / "mine.toml"
    path.write_text(path.read_text().replace("before, fine-tuned", "Mine, fine-tuned"))
    assert read_card(export(run, "mine", tmp_path)).summary.startswith("Mine")


def test_the_card_of_an_unfinished_run_fits_its_best_state(finished_run, tmp_path):
    run, _ = unfinished_run(finished_run, tmp_path)
    trained, untrained = read_run_card(run, 16), read_run_card(run, 0)
    assert "fine-tuned on 30 images" in trained["summary"]
    assert UNFINISHED in trained["limits"]
    assert trained.keys() == untrained.keys() == {"summary", "licence", "recipe", "limits", "data"}
    assert "unchanged" in untrained["summary"]
    assert "30 images" not in str(untrained)
    assert untrained["limits"] == []


def test_a_run_without_a_better_state_gets_its_scores_at_its_end(
    finished_run, tmp_path, monkeypatch
):
    run, before = unfinished_run(finished_run, tmp_path)
    honest = exporting._read_best

    def read_best(run_dir):
        config, tensors, _, progress = honest(run_dir)
        return config, tensors, 0, progress  # the best state is that before training

    monkeypatch.setattr(exporting, "_read_best", read_best)
    with pytest.warns(UserWarning, match="the exported weights are those"):
        first = read_card(export(run, "mine", tmp_path))
    assert (first.scores, UNFINISHED in first.limits) == ((), False)
    verdict = Verdict(False, ("no",), (Row("psnr_y", "matlab", 20.0, 20.0),))
    save_run_card(FinetuneResult("before", run, 30, 7, "", 64, 0, "", 1.0, verdict), before)
    with pytest.warns(UserWarning, match="the exported weights are those"):
        second = read_card(export(run, "mine", tmp_path))
    assert [score.value for score in second.scores] == [20.0]
    assert second.summary == first.summary


def test_a_model_from_an_unfinished_one_does_not_inherit_that_limit(finished_run, tmp_path):
    run, _ = unfinished_run(finished_run, tmp_path)
    unfinished = export(run, "unfinished", tmp_path).with_suffix(".onnx")
    verdict = Verdict(True, ("so it is",), (Row("psnr_y", "matlab", 20.0, 21.0),))
    outcome = FinetuneResult("unfinished", run, 30, 7, "", 64, 64, "", 1.0, verdict)
    save_run_card(outcome, str(unfinished))
    limits = read_run_card(run, 16)["limits"]
    assert UNFINISHED not in limits
    assert len(limits) == 2  # those of both fine-tunings, about 30 images of one kind


@pytest.mark.parametrize("has_checkpoint", [True, False])
@pytest.mark.parametrize("is_finetuning", [True, False])
def test_another_run_in_the_folder_removes_a_card_without_checkpoints(
    finished_run, tiny_config, pictures, tmp_path, has_checkpoint, is_finetuning
):
    run, _ = unfinished_run(finished_run, tmp_path)
    place = run / "train.list" if is_finetuning else pictures
    write_list(list_images(pictures), run / "train.list")
    if not has_checkpoint:
        shutil.rmtree(run / "checkpoints")
    save_start(tiny_config(), [str(place)], None, run)
    assert (run / "card.toml").exists() == (has_checkpoint or is_finetuning)
