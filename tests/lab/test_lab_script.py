"""`scripts/lab.py`: the page and its figures from short runs, and what is said of missing ones."""

import importlib.util
import re
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.lab.experiments import GROUPS, quick
from srgan_gp.lab.toy_cache import read_cached, run_cached
from srgan_gp.lab.toy_report import diagnose_toy, write_report
from srgan_gp.lab.toy_training import ToyConfig, ToyRun

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "lab.py"


@pytest.fixture(scope="module")
def lab():
    spec = importlib.util.spec_from_file_location("lab", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_quick_trains_everything_for_a_few_steps_and_writes_the_page(lab, capsys):
    assert lab.main(["--quick"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in GROUPS)
    assert "Wrote " in printed


def test_the_page_holds_the_runs_that_exist_and_names_the_others(tmp_path):
    groups = {name: quick(group) for name, group in GROUPS.items()}
    for name in ("wgan_gp", "weight_clipping"):
        run_cached(groups["members"][name], tmp_path)
    page = write_report(groups, lambda config: read_cached(config, tmp_path), tmp_path, "## End")
    text = page.read_text()
    assert re.search(r"^\| wgan_gp \| 2 \| 4 \| 1 \|", text, re.MULTILINE)
    assert "Not trained yet: r1_r2; one_sided" in text
    assert text.endswith("## End\n")
    figures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text)
    assert len(figures) == 4
    for figure in figures:
        with Image.open(tmp_path / figure) as image:
            assert image.size > (100, 100)


def test_applications_without_a_run_keep_their_sections(lab, tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "PAGE_FOLDER", tmp_path)
    monkeypatch.setattr(lab, "GROUPS", {name: quick(group) for name, group in GROUPS.items()})
    page = tmp_path / "gradient-penalty-lab.md"
    page.write_text("# Lab\n\n## Application: digits\n\nOld digits.\n\n### More\n\nOld.\n\n"
                    "## Application: words\n\nOld words.\n")  # fmt: skip
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "words.md").write_text("New words.\n")
    assert lab.main(["--cached", "--runs", str(runs)]) == 0
    assert page.read_text().endswith(
        "## Application: digits\n\nOld digits.\n\n### More\n\nOld.\n\n"
        "## Application: words\n\nNew words.\n"
    )


def test_a_toy_run_is_diagnosed_as_a_training_run():
    record = {"step": 10, "norm": 3.1, "steep_share": 0.12, "estimate": 1.0,
              "validation_estimate": 1.0}  # fmt: skip
    (found,) = diagnose_toy(ToyConfig(), ToyRun(history=[record] * 4))
    assert found.startswith("Gradient norm 3.1, 12% above 2: penalty too weak")
    flat = record | {"norm": 0.001, "steep_share": 0.0}
    (found,) = diagnose_toy(ToyConfig(penalty="weight_clipping"), ToyRun(history=[flat] * 4))
    assert "vanish" in found


def test_one_of_the_tasks_must_be_chosen(lab, capsys):
    with pytest.raises(SystemExit):
        lab.main([])
    assert "--quick" in capsys.readouterr().err
