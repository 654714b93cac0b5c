"""Figures of toy runs as PNG files, with matplotlib, for `lab.toy_report`.

A plot function draws one panel per run, in rows of `COLUMNS`, or all runs in one panel. Matplotlib
is imported when a figure is made, since it is not installed with the package itself.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from srgan_gp.lab.toy_data import DISTRIBUTIONS
from srgan_gp.lab.toy_records import SURFACE_EXTENT, SURFACE_SIDE
from srgan_gp.lab.toy_training import ToyConfig, ToyRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = Mapping[str, tuple[ToyConfig, ToyRun]]
"""Options and records by the name of a run."""

COLUMNS = 5
"""Largest number of panels in a row."""
PANEL = 2.1
"""Side of a panel in inches."""
POINTS = 700
"""Number of real points, and of generated ones, in a scatter plot."""


def plot_samples(runs: Runs, path: Path) -> None:
    """Draw real points (grey) and generated ones (blue) of each run."""

    def draw(axes: "Axes", config: ToyConfig, run: ToyRun) -> None:
        real, generated = _real_points(config), np.asarray(run.samples[:POINTS])
        axes.scatter(real[:, 0], real[:, 1], s=1, c="0.7")
        axes.scatter(generated[:, 0], generated[:, 1], s=1, c="tab:blue")

    _plot_panels(runs, path, draw)


def plot_surfaces(runs: Runs, path: Path) -> None:
    """Draw contours of each critic's scores, and real points: figure 1a of WGAN-GP."""

    def draw(axes: "Axes", config: ToyConfig, run: ToyRun) -> None:
        axis = np.linspace(-SURFACE_EXTENT, SURFACE_EXTENT, SURFACE_SIDE)
        scores = np.asarray(run.critic["surface"]).reshape(SURFACE_SIDE, SURFACE_SIDE)
        real = _real_points(config)
        axes.contourf(axis, axis, scores, levels=12)
        axes.scatter(real[:, 0], real[:, 1], s=1, c="white", alpha=0.5)

    _plot_panels(runs, path, draw)


def plot_layer_gradients(runs: Runs, path: Path) -> None:
    """Draw the gradient norm at the output of each layer, all runs in one panel.

    It is figure 1b, left, of WGAN-GP.
    """
    figure = _empty_figure(5.0, 3.2)
    axes = figure.add_subplot()
    for name, (_, run) in runs.items():
        norms = np.maximum(run.critic["layer_gradients"], 1e-30)  # the axis is logarithmic
        axes.semilogy(range(1, len(norms) + 1), norms, marker=".", label=name)
    axes.set_xlabel("layer of the critic")
    axes.set_ylabel("gradient norm")
    axes.legend(fontsize=7)
    _save(figure, path)


def plot_weights(runs: Runs, path: Path) -> None:
    """Draw a histogram of each critic's weights: figure 1b, right, of WGAN-GP."""

    def draw(axes: "Axes", config: ToyConfig, run: ToyRun) -> None:
        axes.hist(run.critic["weights"], bins=60)
        axes.set_box_aspect(0.8)

    _plot_panels(runs, path, draw, is_plane=False)


def plot_estimates(runs: Runs, path: Path) -> None:
    """Draw critic estimates on training and on validation points over the steps.

    An estimate is the mean score of real points minus that of generated ones.
    """

    def draw(axes: "Axes", config: ToyConfig, run: ToyRun) -> None:
        steps = [record["step"] for record in run.history]
        for name, style in (("estimate", "-"), ("validation_estimate", "--")):
            values = [record[name] for record in run.history]
            axes.plot(steps, values, style, label=name.replace("_", " "))
        axes.set_box_aspect(0.8)
        axes.legend(fontsize=6)

    _plot_panels(runs, path, draw, is_plane=False)


def _real_points(config: ToyConfig) -> np.ndarray:
    """Draw real points of a run's distribution, (POINTS, 2); always the same ones."""
    distribution = DISTRIBUTIONS[config.data]()
    return distribution.draw(POINTS, torch.Generator().manual_seed(0)).numpy()


def _plot_panels(
    runs: Runs,
    path: Path,
    draw: Callable[["Axes", ToyConfig, ToyRun], None],
    *,
    is_plane: bool = True,
) -> None:
    """Draw one panel for each run.

    Args:
        runs: the runs; their names are the titles of the panels.
        path: the PNG file.
        draw: draws the content of a panel, from the options and records of its run.
        is_plane: whether a panel shows the plane of the points, the range of `SURFACE_EXTENT` in
            both directions. Other panels are 1.4 times larger, since they have labels at their
            axes.
    """
    columns = min(COLUMNS, len(runs))
    rows = math.ceil(len(runs) / columns)
    side = PANEL if is_plane else 1.4 * PANEL
    figure = _empty_figure(side * columns, side * rows)
    for index, (name, (config, run)) in enumerate(runs.items()):
        axes = figure.add_subplot(rows, columns, index + 1)
        axes.set_title(name, fontsize=7)
        axes.tick_params(labelsize=6)
        draw(axes, config, run)
        if is_plane:
            limits = (-SURFACE_EXTENT, SURFACE_EXTENT)
            axes.set(xlim=limits, ylim=limits, xticks=[], yticks=[], aspect="equal")
    _save(figure, path)


def _empty_figure(width: float, height: float) -> Any:  # noqa: ANN401 - imported in the function
    """Return a matplotlib figure of this size in inches, without a panel."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401
    """Write a figure as PNG; without the version of matplotlib, equal figures are equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
