"""Refusal of values that no field of the page sends, but a program can."""

import logging
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

_INVALID = "These values do not fit the fields of the page. Reload it and try again."

_log = logging.getLogger(__name__)


def refuse_invalid_values(page: gr.Blocks) -> None:
    """Refuse values that fit no field with a message; Gradio alone logs a traceback.

    The method `preprocess_data` is replaced on the object, not overridden in a subclass: for each
    subclass of `Blocks`, Gradio writes a .pyi file into its own package.

    Args:
        page: whose functions receive the values.
    """
    preprocess_data = page.preprocess_data

    async def checked(
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        try:
            return await preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            # The text of the error may hold a megabyte of the client's data.
            _log.warning("Values of a request fit no field: %s.", type(error).__name__)
            raise gr.Error(_INVALID, print_exception=False) from error

    page.preprocess_data = checked
