"""Runs of one tab: one at a time for each open page. `tab_run` has a single run.

A run belongs to one open page. The next one may replace it, as the preview of another region does.
"""

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import gradio as gr

from gradio_tabs.inputs.page_requests import page_of
from gradio_tabs.inputs.uploads import Upload
from gradio_tabs.results.tab_run import POLL_SECONDS, Run
from srgan_gp.errors import SrganGpError
from srgan_gp.serving.results.job_history import JobHistory


class Runs:
    """Runs of all visitors in one tab: one at a time for each open page.

    Pages are identified by keys from `page_requests.page_of`.

    Args:
        history: submits the jobs and keeps their results.
        tab: name of the tab, lower-case.
    """

    def __init__(self, history: JobHistory, tab: str) -> None:
        self._history, self._tab = history, tab
        self._service = history.service
        self._runs: dict[str, Run] = {}  # runs in progress, by page
        self._last_uploads: dict[str, tuple[Upload, ...]] = {}  # of the newest run, by page
        self._newest_requests: dict[str, int] = {}  # number of the latest registered event, by page

    def register_event(self, page: str, number: int) -> bool:
        """Register an event that replaces a run; return whether no later event was registered.

        Args:
            page: the page.
            number: from `page_requests.number_of`. Events may begin in another order.
        """
        if number < self._newest_requests.get(page, 0):
            return False
        self._newest_requests[page] = number
        return True

    async def stop_replaceable(self, page: str, number: int) -> bool:
        """Stop a page's run if it is replaceable, and wait until it has ended.

        Args:
            page: the page.
            number: as for `register_event`, which this method calls.

        Returns:
            Whether a new run may begin. False: there is a later event of the page, so that only the
            last of several clicks starts a run, or the page was closed.
        """
        if not self.register_event(page, number):
            return False
        run = self._runs.get(page)
        while run is not None and run.is_replaceable:
            run.is_replaced = True
            run.stop()
            await asyncio.sleep(POLL_SECONDS)
            if self._newest_requests.get(page) != number:
                return False
            run = self._runs.get(page)
        return True

    @contextmanager
    def registered_run(
        self,
        page: str,
        uploads: Sequence[Upload],
        address: str | None = None,
        *,
        visitor: str | None = None,
        is_replaceable: bool = False,
    ) -> Generator[Run | None, None, None]:
        """Register a run for a block; its uploads and results are not deleted before it ends.

        Args:
            page: from `page_requests.page_of`.
            uploads: input images.
            address: from `page_requests.address_of`; None: unknown.
            visitor: from `page_requests.visitor_of`; None: `page`, as for one without a cookie.
            is_replaceable: as for `Run`.

        Yields:
            The run; None while the page has another run in this tab.
        """
        visitor = visitor or page
        if page in self._runs:
            yield None
            return
        held_paths = [upload.path for upload in uploads]
        with suppress(SrganGpError):  # `submit` raises the error again when it needs the folder
            held_paths.append(self.folder(visitor))
        run = Run(self._history, visitor, uploads, address, tab=self._tab,
                  is_replaceable=is_replaceable)  # fmt: skip
        self._runs[page] = run
        self._last_uploads[page] = run.uploads
        for path in held_paths:
            self._service.hold(path)
        try:
            yield run
        finally:
            for path in held_paths:
                self._service.release(path)
            del self._runs[page]

    def folder(self, visitor: str) -> Path:
        """Return the folder of a visitor's files, which the page may serve to this visitor."""
        return self._service.folder(visitor)

    def stop(self, request: gr.Request) -> None:
        """Stop the run of a page, if there is one; it ends after the tile in progress."""
        run = self._runs.get(page_of(request))
        if run is not None:
            run.stop()

    def drop_page_data(self, request: gr.Request) -> None:
        """Drop the data about a page that was closed; its run continues."""
        page = page_of(request)
        self._last_uploads.pop(page, None)
        self._newest_requests.pop(page, None)

    def has_old_message(self, request: gr.Request, uploads: Sequence[Upload]) -> bool:
        """Return whether the status of a page is about other images, and no run is in progress.

        Args:
            request: request of the page.
            uploads: images that the visitor has chosen.
        """
        page = page_of(request)
        return page not in self._runs and self._last_uploads.get(page) != tuple(uploads)
