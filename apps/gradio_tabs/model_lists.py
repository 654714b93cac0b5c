"""Fields of the page that list the upscaling models, updated when a model is trained or removed."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs.results.page_updates import Changes
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.finetuning.trained_models import can_start_from
from srgan_gp.serving.jobs.service import Service

_LABELS = {
    "photo-x4": "Photo",
    "photo-x4-psnr": "Photo, faithful",
    "classic-x4": "Clean image",
    "face-x4": "Face",
}
"""Labels of shipped models for scale 4, by name, in the order of the list. Models for scale 2 are
not listed; see `model_choices`."""


def model_choices(
    cards: dict[str, ModelCard], always_listed: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Return the models to choose from as (label, name), the shipped ones first.

    A model that is the `x2_model` of another model is not listed: a job for the other model uses it
    automatically for scales up to 2.

    Args:
        cards: cards of the models, by name.
        always_listed: names of models that are listed even as an `x2_model`, such as the default of
            the server, which a tab must be able to select.
    """
    shipped = [(label, name) for name, label in _LABELS.items() if name in cards]
    x2_models = {card.x2_model for card in cards.values()}
    unlisted = x2_models - {*always_listed}
    others = [name for name in cards if name not in _LABELS and name not in unlisted]
    return shipped + [(name, name) for name in others]


def model_label(name: str) -> str:
    """Return the label of a model on the page.

    >>> model_label("photo-x4-psnr"), model_label("mine")
    ('Photo, faithful', 'mine')
    """
    return _LABELS.get(name, name)


@dataclass(frozen=True)
class ModelLists:
    """The field of the models in each of the tabs Upscale, Compare and Batch.

    Methods that return changes return a dict of these fields and their new values, which an event
    function of Gradio may return as it is.
    """

    service: Service
    """Knows the installed models and the default model of the server."""
    cards: dict[str, ModelCard]
    """Cards of the upscaling models, by name. All tabs share this dict, which `refresh` changes."""
    upscale: gr.Radio
    compare: gr.CheckboxGroup
    batch: gr.Radio

    @property
    def widgets(self) -> list[Any]:
        """All fields, as inputs or outputs of an event. `deselect` takes values in this order."""
        return [self.upscale, self.compare, self.batch]

    def refresh(self) -> Changes:
        """Read the models of the server again, update `cards`, and return the fields with them."""
        installed = {card.name: card for card in self.service.upscaling_models()}
        for removed in self.cards.keys() - installed.keys():
            del self.cards[removed]
        self.cards.update(installed)
        choices = model_choices(self.cards, always_listed=[self.service.settings.model])
        return {
            self.upscale: gr.Radio(choices),
            self.compare: gr.CheckboxGroup(choices),
            self.batch: gr.Radio(choices),
        }

    def deselect(
        self, removed: str, upscale_model: str, compared_models: list[str], batch_model: str
    ) -> Changes:
        """Read the models again after one was removed, and return the fields without it.

        If the removed model was selected, Upscale and Batch select the default model instead, and
        Compare keeps only its other models.

        Args:
            removed: name of the removed model.
            upscale_model: selected value of `upscale`.
            compared_models: selected values of `compare`.
            batch_model: selected value of `batch`.
        """
        changes = self.refresh()
        default = self.service.settings.model
        choices = model_choices(self.cards, always_listed=[default])
        if upscale_model == removed:
            changes[self.upscale] = gr.Radio(choices, value=default)
        if batch_model == removed:
            changes[self.batch] = gr.Radio(choices, value=default)
        if removed in compared_models:
            remaining = [name for name in compared_models if name != removed]
            changes[self.compare] = gr.CheckboxGroup(choices, value=remaining)
        return changes

    def finetuning_sources(self) -> list[tuple[str, str]]:
        """Return the models from which fine-tuning can start on this server, as (label, name)."""
        settings = self.service.settings
        usable = {name: card for name, card in self.cards.items() if can_start_from(card, settings)}
        # An `x2_model` is listed too: fine-tuning starts from exactly the model that is chosen.
        return model_choices(usable, always_listed=usable)
