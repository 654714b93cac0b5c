"""Route `/api/models/NAME/files`: download of the model that a visitor of the page trained."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse

from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.finetuning.training_process import VisitorTrainings
from srgan_gp.serving.http.attachments import send_file
from srgan_gp.serving.http.job_routes import owner_of
from srgan_gp.serving.http.response_descriptions import ZIP, problems


def build_training_routes(trainings: VisitorTrainings) -> APIRouter:
    """Build the route.

    Args:
        trainings: training runs of the server, one per visitor.
    """
    router = APIRouter(prefix="/api/models")

    @router.get(
        "/{name}/files",
        summary="Zip of a model that this browser trained",
        response_class=FileResponse,
        responses=ZIP | problems(404),
    )
    def files(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        request: Request, name: Annotated[str, Path(description="Name of the model.")]
    ) -> FileResponse:
        run = trainings.last_run_of(owner_of(request))
        if run is None or run.name != name or run.is_running:  # a running one has no model yet
            raise Refusal(404, "E_NOT_FOUND", "This browser trained no such model.")
        path = run.zip_of_model()
        # A later model may have the same name, and so the same URL.
        headers = {"Cache-Control": "no-store"}
        return send_file(path, path.name, "application/zip", headers)

    return router
