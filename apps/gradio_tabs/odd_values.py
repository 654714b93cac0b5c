"""Values that no field of the page gives, as a program can send them."""

import logging
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.state_holder import SessionState

_NOT_FITTING = "These values do not fit the fields of the page; reload it and try again."

_log = logging.getLogger(__name__)


def refuse_odd_values(page: gr.Blocks) -> None:
    """Refuse values that fit no field by a sentence; Gradio alone logs a traceback and says `null`.

    The method that Gradio calls is replaced: it writes into its own package for each class of
    pages.

    Args:
        page: whose functions get the values.
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
            # Its text may be a megabyte of the client's.
            _log.warning("Values of a request fit no field: %s.", type(error).__name__)
            raise gr.Error(_NOT_FITTING, print_exception=False) from error

    page.preprocess_data = checked
