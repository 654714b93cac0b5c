import argparse
import importlib

import pytest

from srgan_gp.commands.train import add_options
from srgan_gp.training.options.registered_names import registered_names

TABLES = {
    "penalty": ("srgan_gp.losses.gradient_penalties", "PENALTIES"),
    "adversarial_loss": ("srgan_gp.losses.adversarial", "ADVERSARIAL_LOSSES"),
    "critic_norm": ("srgan_gp.networks.critic_norms", "CRITIC_NORMS"),
    "optimizer": ("srgan_gp.training.options.optimizers", "OPTIMIZERS"),
    "pixel_loss": ("srgan_gp.losses.pixel", "PIXEL_LOSSES"),
    "perceptual_loss": ("srgan_gp.losses.features", "FEATURE_NETWORKS"),
    "damage": ("srgan_gp.data.degradation_draws", "STRENGTHS"),
    "augment": ("srgan_gp.data.augmentations", "KINDS"),
}


@pytest.mark.parametrize("option", TABLES)
def test_names_read_from_the_source_are_those_of_the_imported_table(option):
    module, table = TABLES[option]
    names = registered_names(module, table)
    assert names == tuple(getattr(importlib.import_module(module), table))
    assert names


@pytest.mark.parametrize("option", TABLES)
def test_help_lists_every_name_in_the_registry_of_an_option(option):
    parser = argparse.ArgumentParser(prog="train", usage="train")
    add_options(parser)
    text = " ".join(parser.format_help().split())
    _, _, text = text.partition(f"--{option.replace('_', '-')} ")
    shown, _, _ = text.partition(" --")
    assert all(name in shown for name in registered_names(*TABLES[option]))


def test_an_unknown_table_is_named():
    with pytest.raises(ValueError, match=r"srgan_gp\.losses\.pixel has no table NOTHING"):
        registered_names("srgan_gp.losses.pixel", "NOTHING")
