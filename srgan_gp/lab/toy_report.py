"""Report of the lab: one Markdown page with tables and figures of the toy runs.

A group of runs is one section of the page (see `lab.experiments`), except for "seeds". The group
"members" has a run for each way to bound a critic's slope. `Runs` has the options and records of
runs by name. `scripts/lab.py` trains the runs and writes the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median

from srgan_gp.lab.experiments import SEEDS, SEVERAL_SEEDS, Group
from srgan_gp.lab.toy_plots import (
    Runs,
    plot_estimates,
    plot_layer_gradients,
    plot_samples,
    plot_surfaces,
    plot_weights,
)
from srgan_gp.lab.toy_training import ToyConfig, ToyRun
from srgan_gp.losses.lipschitz_baselines import LIPSCHITZ_TERMS
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.training.critic.diagnosis import diagnose

ReadRun = Callable[[ToyConfig], ToyRun | None]
"""Returns the recorded run with exactly these options; None if it was not trained."""

Plot = Callable[[Runs, Path], None]
"""Draws the figure of some runs into a PNG file."""

COLUMNS = ("modes", "high_quality", "norm", "estimate")
"""Entries of the last record of a run that are columns of a table."""
_GROUPS_WITH_TABLE = ("critic-steps", "weights", "deep")  # and "members", see `_members`
PAGE = "gradient-penalty-lab"


def write_report(
    groups: Mapping[str, Group], read: ReadRun, folder: Path, applications: str
) -> Path:
    """Write the page and its figures.

    Args:
        groups: the options of all runs, by group and row. Those that were not trained are listed.
        read: returns a run.
        folder: gets `gradient-penalty-lab.md` and its figures.
        applications: Markdown for the end of the page, about the penalties applied to other data.

    Returns:
        Path of the page.
    """
    trained: dict[str, dict[str, tuple[ToyConfig, ToyRun]]] = {}
    missing: dict[str, list[str]] = {}
    for name, group in groups.items():
        trained[name], missing[name] = {}, []
        for row, config in group.items():
            run = read(config)
            if run is None:
                missing[name].append(row)
            else:
                trained[name][row] = (config, run)
    parts = [_INTRODUCTION, _total(trained), _members(trained["members"], missing["members"], read)]
    for name, (title, text) in _SECTIONS.items():
        parts.append(f"## {title}\n\n{text}")
        if name in _GROUPS_WITH_TABLE and trained[name]:
            parts.append(_table(trained[name], read))
        if name == "deep":
            parts += [_distances(run) for _, run in trained[name].values()]
        if missing[name]:
            parts.append(f"Not trained yet: {'; '.join(missing[name])}.")
        if name in _FIGURES and trained[name]:
            plot, caption = _FIGURES[name]
            parts.append(_figure(name, plot, caption, trained[name], folder))
    parts += _members_figures(trained["members"], folder)
    parts.append(applications)
    page = folder / f"{PAGE}.md"
    markdown = "\n\n".join(part.strip() for part in parts if part.strip())
    atomic_write_bytes(page, f"{markdown}\n".encode())
    return page


def _total(trained: Mapping[str, Runs]) -> str:
    """Format how long all runs took together; a run in two groups counts once."""
    runs = {config: run for group in trained.values() for config, run in group.values()}
    minutes = sum(run.cpu_seconds for run in runs.values()) / 60
    return f"The {len(runs)} runs of this page took {minutes:.0f} minutes of one core."


def diagnose_toy(config: ToyConfig, run: ToyRun) -> list[str]:
    """Diagnose a toy run like a run of `srgan-gp train`: one line of text for each problem."""
    place = LIPSCHITZ_TERMS[config.penalty].place  # part of the name that `diagnose` looks up
    lines = [
        {
            "images_seen": int(record["step"]) * config.batch_size,
            "health/critic_estimate": record["estimate"],
            f"health/{place}_norm": record["norm"],
            "health/steep_share": record["steep_share"],
            "health/training_estimate": record["estimate"],  # it is of training points
            "health/validation_estimate": record["validation_estimate"],
        }
        for record in run.history
    ]
    return diagnose(lines, config.penalty)


def _members(runs: Runs, missing: list[str], read: ReadRun) -> str:
    """Return the section of the group "members": text, table and diagnoses."""
    parts = [f"## All members on 25 Gaussians\n\n{_MEMBERS}", _table(runs, read)]
    if missing:
        parts.append(f"Not trained yet: {'; '.join(missing)}.")
    diagnoses = [
        f"- {name}: {' '.join(diagnose_toy(config, run))}" for name, (config, run) in runs.items()
    ]
    parts.append("The diagnosis of each run, as `srgan-gp train` prints it:")
    parts.append("\n".join(diagnoses))
    return "\n\n".join(parts)


def _table(runs: Runs, read: ReadRun) -> str:
    """Format one row per run; the values of a run in `SEVERAL_SEEDS` are medians over its seeds."""
    lines = [
        "| run | critic steps | steps | seeds | modes of 25 | high quality | gradient norm | "
        "estimate, highest | estimate, last | CPU seconds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, (config, run) in runs.items():
        seed_runs = [run]
        if SEVERAL_SEEDS.get(name) == config:  # a run that `experiments.quick` shortened has one
            others = [read(replace(config, seed=seed)) for seed in SEEDS[1:]]  # `run` has the first
            seed_runs += [other for other in others if other is not None]
        last_records = [seed_run.history[-1] for seed_run in seed_runs]
        last = {}
        for key in COLUMNS:
            last[key] = median(record.get(key, float("nan")) for record in last_records)
        highest_estimates = []
        for seed_run in seed_runs:
            highest_estimates.append(max(record["estimate"] for record in seed_run.history))
        has_modes = "modes" in run.history[-1]  # not for a Swiss roll
        modes = f"{last['modes']:.0f}" if has_modes else "-"
        quality = f"{last['high_quality']:.1%}".replace("%", " %") if has_modes else "-"
        lines.append(
            f"| {name} | {config.critic_steps} | {config.steps} | {len(seed_runs)} | {modes} | "
            f"{quality} | {last['norm']:.3g} | {median(highest_estimates):.3g} | "
            f"{last['estimate']:.3g} | {median(r.cpu_seconds for r in seed_runs):.0f} |"
        )
    return "\n".join(lines)


def _distances(run: ToyRun) -> str:
    """Format how far the points of a generator were from the data, first and last."""
    first, last = run.history[0], run.history[-1]
    return (
        "Energy distance of the generated points to the distribution: "
        f"{first['distance']:.3g} after {first['step']:.0f} steps, {last['distance']:.3g} after "
        f"{last['step']:.0f}."
    )


def _members_figures(runs: Runs, folder: Path) -> list[str]:
    """Plot the figures of the group "members"; return a heading, and Markdown of each figure."""
    if not runs:
        return []
    samples = "Generated points (blue) and real ones (grey)"
    scores = "Scores of the critics, figure 1a of the paper"
    parts = [
        "## Samples, scores and weights of the members",
        _figure("samples", plot_samples, samples, runs, folder),
        _figure("scores", plot_surfaces, scores, runs, folder),
    ]
    two_runs = {name: runs[name] for name in ("wgan_gp", "weight_clipping") if name in runs}
    if two_runs:
        weights = (
            "Weights of the critics, figure 1b of the paper: clipped ones pile up at the limits"
        )
        parts.append(_figure("histograms", plot_weights, weights, two_runs, folder))
    estimates = "Critic estimate over the steps"
    return [*parts, _figure("estimates", plot_estimates, estimates, runs, folder)]


def _figure(name: str, plot: Plot, caption: str, runs: Runs, folder: Path) -> str:
    """Plot one figure into the folder; return the Markdown that shows it."""
    file = f"{PAGE}-{name}.png"
    plot(runs, folder / file)
    return f"![{caption}]({file})\n\n{caption}."


_INTRODUCTION = """# The gradient-penalty lab

Every way to bound a critic's slope that [WGAN-GP](wgan-gp.md) lists, on classic toy problems.
`scripts/lab.py` trains the runs and writes this page. Each run is trained once and kept in
`runs/lab`. The applications at the end are trained by `scripts/lab.py --application NAME --data
FILES`; without data each names the files it needs.

<!-- test: parse-only because it trains for hours -->
```sh
python scripts/lab.py --all       # train every run that is missing, then write this page
python scripts/lab.py --cached    # write this page from the runs that exist
```

Each row says how many seeds it has and how long it was trained. Rows with one seed show an effect,
not a ranking. The estimate is not the Wasserstein distance (Milne and Nachman 2021,
arXiv:2109.00528)."""
_MEMBERS = """25 Gaussians, spacing 2, deviation 0.05, both divided by 2.828. Modes and quality are
measured on 2500 samples: high quality is within 3 deviations of a mode, and a mode with one such
sample is covered (Srivastava et al. 2017, arXiv:1705.07761). Perceptrons of three hidden layers
with 128 units, batches of 256. The gradient norm is measured between real and generated points,
also where the penalty is taken elsewhere; zero-centred penalties pull it to 0. CPU seconds are
those of one core that other programs shared.

The first three rows are medians over their seeds. The others are short runs of one seed, to be
compared with `wgan_gp, short`."""
# Title and text of each group but "members" and "seeds", whose runs are in the table of "members".
_SECTIONS = {
    "layer-gradients": (
        "Vanishing and exploding gradients",
        """A critic of 12 hidden layers on the Swiss roll: norm of the gradient of the score at the
output of each layer, figure 1b of the paper. With clipping it vanishes or explodes, depending on c.
With the penalty it does neither.""",
    ),
    "deep": (
        "101 layers",
        """Critic and generator are residual networks with 101 hidden layers each, as the deepest of
table 1 of the paper. The run is short: it shows that both networks learn, not how well.""",
    ),
    "overfitting": (
        "A critic that overfits",
        """Estimates on 100 training points and on validation points. In figure 5b of the
paper they move apart.""",
    ),
    "surfaces": (
        "Other distributions",
        "Scores of the critic on 8 Gaussians and the Swiss roll, figure 1a of the paper.",
    ),
    "critic-steps": (
        "Critic steps",
        "Critic steps per generator step, on 25 Gaussians with the two-sided penalty.",
    ),
    "weights": (  # unlike `plot_weights`, which plots those of critics
        "Weight of the penalty",
        "Weight of the two-sided penalty, on 25 Gaussians.",
    ),
}
# Plot function and caption of a group.
_FIGURES: dict[str, tuple[Plot, str]] = {
    "layer-gradients": (plot_layer_gradients, "Gradient norm by layer"),
    "deep": (plot_samples, "Points of a generator of 101 layers"),
    "overfitting": (plot_estimates, "Critic estimate on training and validation points"),
    "surfaces": (plot_surfaces, "Scores of the critics"),
}
