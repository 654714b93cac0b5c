"""Route `/api/preview`: an upload in a format that browsers cannot display, as JPEG.

The page requests it for TIFF files, for example. It names the upload by its path on the server,
which has a random part that only the visitor who sent the file knows.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from srgan_gp.serving.jobs.service import Service


def build_preview_routes(service: Service) -> APIRouter:
    """Build the route.

    Args:
        service: its `previews` decodes the uploads and encodes them as JPEG. It refuses paths
            outside of the directory of uploads.
    """
    router = APIRouter()

    @router.get("/api/preview", summary="Preview of an upload, as JPEG", include_in_schema=False)
    def preview(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        # 4096 bytes: the longest path of Linux.
        file: Annotated[str, Query(max_length=4096, description="Path of the upload.")],
    ) -> Response:
        data = service.previews.jpeg(Path(file))
        seconds = int(service.settings.keep_seconds)  # the server then removes the upload
        headers = {"Cache-Control": f"private, max-age={seconds}"}
        return Response(data, media_type="image/jpeg", headers=headers)

    return router
