"""Fields that list the upscaling models, updated when a model was trained or removed."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs.options import model_choices
from gradio_tabs.panel import Changes
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.finetuning.trained_models import can_start_from
from srgan_gp.serving.jobs.service import Service


@dataclass(frozen=True)
class ModelLists:
    """The fields of the tabs Upscale, Compare and Batch."""

    service: Service
    cards: dict[str, ModelCard]
    """Cards of the upscaling models, by name, which the tabs share."""
    upscale: gr.Radio
    compare: gr.CheckboxGroup
    batch: gr.Radio

    @property
    def widgets(self) -> list[Any]:
        """All fields, as outputs of an event."""
        return [self.upscale, self.compare, self.batch]

    def refresh(self) -> Changes:
        """Read the models of the server, and return the fields with them."""
        found = {card.name: card for card in self.service.upscaling_models()}
        for name in self.cards.keys() - found.keys():
            del self.cards[name]
        self.cards.update(found)
        choices = model_choices(self.cards, [self.service.settings.model])
        return {
            self.upscale: gr.Radio(choices),
            self.compare: gr.CheckboxGroup(choices),
            self.batch: gr.Radio(choices),
        }

    def without(self, name: str, chosen: str, compared: list[str], of_batch: str) -> Changes:
        """Return the fields after a model was removed; those that named it choose the default.

        Args:
            name: the removed model.
            chosen: value of `upscale`.
            compared: value of `compare`.
            of_batch: value of `batch`.
        """
        changes, default = self.refresh(), self.service.settings.model
        choices = model_choices(self.cards, [self.service.settings.model])
        if chosen == name:
            changes[self.upscale] = gr.Radio(choices, value=default)
        if of_batch == name:
            changes[self.batch] = gr.Radio(choices, value=default)
        if name in compared:
            left = [other for other in compared if other != name]
            changes[self.compare] = gr.CheckboxGroup(choices, value=left)
        return changes

    def sources(self) -> list[tuple[str, str]]:
        """Return the models that can be trained here, as (label, name)."""
        settings = self.service.settings
        usable = {n: card for n, card in self.cards.items() if can_start_from(card, settings)}
        return model_choices(usable, usable)
