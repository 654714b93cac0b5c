"""`FinetuneResult`: the numbers of a fine-tuning and its verdict, as `finetune` returns them."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from srgan_gp.finetuning.finetune_verdict import Verdict


@dataclass(frozen=True)
class FinetuneResult:
    """Result of a fine-tuning.

    Attributes:
        source: name of the model that the fine-tuning started from.
        run_dir: folder of the run.
        trained_on: number of training images.
        validation: number of validation images.
        rule: how the validation images were chosen, in words.
        images_seen: training images seen in the whole run, repetitions included.
        best_images_seen: training images seen until the best checkpoint, whose scores are in the
            verdict; 0: no checkpoint was better than the unchanged model.
        ended_because: reason for the end of the training, as in `checkpoint.Progress`; "" if none
            is recorded.
        seconds: duration of the training.
        verdict: comparison of the best checkpoint with the unchanged model.
    """

    source: str
    run_dir: Path
    trained_on: int
    validation: int
    rule: str
    images_seen: int
    best_images_seen: int
    ended_because: str
    seconds: float
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON types, for `srgan-gp finetune --json`.

        The number of validation images has the key `held_out`, as in version 0.1. Scores that are
        not finite become None.
        """
        fields: dict[str, Any] = {}
        for name, value in asdict(self).items():
            fields["held_out" if name == "validation" else name] = value
        fields["run_dir"] = str(self.run_dir)
        for row in fields["verdict"]["rows"]:
            for score in ("before", "after"):
                if not math.isfinite(row[score]):
                    row[score] = None
        return fields
