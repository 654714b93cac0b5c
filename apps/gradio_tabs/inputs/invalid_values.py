"""Error message for input values of an event that cannot come from the fields of the page.

A program that calls the server can send such values, for example a text for a slider.
"""

import logging
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

_INVALID = "These values do not fit the fields of the page. Reload it and try again."

_log = logging.getLogger(__name__)


def refuse_invalid_values(page: gr.Blocks) -> None:
    """Make a page respond with an error message where Gradio alone would log a traceback.

    The method `preprocess_data`, which converts the values of an event for its function, is
    replaced on the object. A subclass of `Blocks` that overrides it would have a side effect:
    Gradio writes a .pyi file into its own package for each subclass.

    Args:
        page: the finished page; it is changed.
    """
    preprocess_data = page.preprocess_data

    async def preprocess_or_refuse(
        block_fn: BlockFunction,
        inputs: list[Any],
        state: SessionState | None,
        explicit_call: bool = False,
    ) -> list[Any]:
        try:
            return await preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:  # a message for the visitor
            error.print_exception = False  # else Gradio logs its traceback
            raise
        except Exception as error:
            # The text of the error may hold a megabyte of the client's data.
            _log.warning("Values of a request fit no field: %s.", type(error).__name__)
            raise gr.Error(_INVALID, print_exception=False) from error

    page.preprocess_data = preprocess_or_refuse
