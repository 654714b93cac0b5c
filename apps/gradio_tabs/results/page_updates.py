"""Changes of the page: their types, and a task that produces them without a client.

`gradio_tabs.results.panel` sends the updates of a run to the browser.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, ClassVar

Changes = dict[Any, Any]
"""New value of each changed widget; Gradio accepts it as the output of an event."""

Updates = AsyncGenerator[Changes, None]
"""Changes of the page, one after the other."""


class BackgroundUpdates:
    """Executes a generator of updates in a task, to its end, even if nobody takes the updates.

    Args:
        source: the generator. Each of its updates must contain the changes of the earlier ones, as
            those of `with_button_states` do: only the newest update is kept.
    """

    _tasks: ClassVar[set[asyncio.Task[None]]] = set()  # the event loop holds weak references only

    def __init__(self, source: Updates) -> None:
        self._newest: Changes | None = None
        self._changed = asyncio.Event()  # there is a newer update, or the task has ended
        self._task = asyncio.create_task(self._execute(source))
        self._tasks.add(self._task)
        self._task.add_done_callback(self._on_end)

    async def _execute(self, source: Updates) -> None:
        async for update in source:
            self._newest = update
            self._changed.set()

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()

    async def updates(self) -> Updates:
        """Yield the newest update after each change until the generator has ended."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            has_ended = self._task.done()
            newest, self._newest = self._newest, None
            if newest is not None:
                yield newest
            if has_ended:
                return
