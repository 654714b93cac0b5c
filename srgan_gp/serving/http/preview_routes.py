"""Routes of the page for its uploads: `/api/preview` and `/api/check`.

A preview is the JPEG of an upload in a format that browsers cannot display, such as TIFF. A check
says whether an upload can be decoded.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from srgan_gp.serving.jobs.service import Service

UploadPath = Annotated[str, Query(max_length=4096, description="Path of the upload.")]


def build_preview_routes(service: Service) -> APIRouter:
    """Build the routes.

    Args:
        service: decodes the uploads, by its `previews`.
    """
    router = APIRouter()

    @router.get("/api/preview", summary="Preview of an upload, as JPEG", include_in_schema=False)
    def preview(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        file: UploadPath,
    ) -> Response:
        data = service.previews.jpeg(Path(file))
        headers = {"Cache-Control": "private, max-age=600"}
        return Response(data, media_type="image/jpeg", headers=headers)

    @router.get("/api/check", summary="Check of an upload", include_in_schema=False)
    def check(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        file: UploadPath,
    ) -> Response:
        return JSONResponse({"is_decoded": service.previews.check(Path(file))})

    return router
