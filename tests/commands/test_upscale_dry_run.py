"""`srgan-gp upscale --dry-run --json`: the plan as one JSON object."""

import json
from collections import Counter

from srgan_gp.cli import main


def test_a_dry_run_can_print_one_object(repeating_model, tree, tmp_path, capsys):
    (tree / "broken.png").write_bytes(b"not an image")
    arguments = ["upscale", tree, "-r", "-o", tmp_path / "out", "-n", repeating_model]
    arguments = [*map(str, arguments), "--device", "cpu", "--json"]
    plans = []
    for _ in range(2):
        assert main([*arguments, "--dry-run"]) == 3
        plans.append(json.loads(capsys.readouterr().out))
        main(arguments)
        capsys.readouterr()
    for plan, counts in zip(plans, [(5, 4, 0, 1), (5, 0, 4, 1)], strict=True):
        assert tuple(plan[name] for name in ("inputs", "to_do", "skipped", "refused")) == counts
        statuses = Counter(image["status"] for image in plan["pictures"])
        assert statuses == +Counter({name: plan[name] for name in ("to_do", "skipped", "refused")})
        assert (plan["seconds"] is None) is (plan["to_do"] == 0)
        assert (plan["seconds"] or 0) >= 0
        first = plan["pictures"][0]
        assert first["source"] == str(tree / "a.jpg")
        assert first["target"] == str(tmp_path / "out" / "a.jpg")
