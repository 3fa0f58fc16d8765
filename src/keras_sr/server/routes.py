"""What can be asked for."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Form, Query, Request, Response, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

from keras_sr import __version__
from keras_sr.server import archive, metrics, networks, schemas, uploads
from keras_sr.server.helper import HelperDied
from keras_sr.server.jobs import Job
from keras_sr.server.names import clean_folder, clean_name, content_disposition, distinct
from keras_sr.server.schemas import State
from keras_sr.server.uploads import Refused
from keras_sr.weights import registry

router = APIRouter()

#: Seconds between two comments that keep an event stream open, and between two events at least.
_PING, _PACE = 15.0, 0.2

#: Seconds that a view may take to make.
_VIEW = 300.0

#: What browsers show as itself; results are always downloads.
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".gif": "image/gif",
    ".avif": "image/avif",
}

_ASSETS = {"app.css": "text/css", "app.js": "text/javascript", "icon.svg": "image/svg+xml"}

Id = Annotated[str, InPath(pattern=r"^[A-Za-z0-9_-]{22}$")]


def _errors(*codes: int) -> Any:
    return {code: {"model": schemas.Problem} for code in (401, 403, 421, *codes)}


def _server(request: Request) -> Any:
    return request.app.state.server


Server = Annotated[Any, Depends(_server)]


def _job(id: Id, server: Server) -> Job:
    job = server.jobs.get(id)
    if job is None:
        raise Refused(
            404, "there is no such job: jobs are forgotten when they expire, and when the server stops"
        )
    return job


def _batch(id: Id, server: Server) -> str:
    if not server.jobs.has_batch(id):
        raise Refused(404, "there is no such batch: make one by POST /v1/batches")
    return id


def _options(
    network: Annotated[str | None, Form(max_length=100, description="A purpose or a name.")] = None,
    scale: Annotated[float | None, Form(gt=0, le=32, description="Times larger.")] = None,
    width: Annotated[int | None, Form(ge=1, le=1_000_000, description="Of the result, in pixels.")] = None,
    height: Annotated[int | None, Form(ge=1, le=1_000_000, description="Of the result, in pixels.")] = None,
    detail: Annotated[float | None, Form(ge=0, le=1, description="How much is drawn in.")] = None,
    denoise: Annotated[float | None, Form(ge=0, le=1, description="How much noise is removed.")] = None,
    consistent: Annotated[bool, Form(description="The result shrinks back to the picture exactly.")] = False,
    format: Annotated[schemas.Format, Form(description="Of the result.")] = schemas.Format.AUTO,
) -> schemas.Options:
    return schemas.Options(
        network=network,
        scale=scale,
        width=width,
        height=height,
        detail=detail,
        denoise=denoise,
        consistent=consistent,
        format=format,
    )


OneJob = Annotated[Job, Depends(_job)]
OneBatch = Annotated[str, Depends(_batch)]
Wishes = Annotated[schemas.Options, Depends(_options)]
Upload = Annotated[UploadFile, File(description="The picture.")]

# --- the page ---------------------------------------------------------------------------------------------


@router.get("/", include_in_schema=False)
async def page() -> Response:
    """Return the page."""
    return _asset("index.html", "text/html")


@router.get("/assets/{name}", include_in_schema=False)
async def asset(name: str) -> Response:
    """Return what the page consists of."""
    if name not in _ASSETS:
        raise Refused(404, "there is nothing at this address")
    return _asset(name, _ASSETS[name])


def _asset(name: str, kind: str) -> Response:
    data = files("keras_sr.server").joinpath("page", name).read_bytes()
    return Response(data, media_type=kind, headers={"Cache-Control": "no-cache"})


@router.post("/login", include_in_schema=False)
async def login(server: Server, token: Annotated[str, Form(max_length=1000)]) -> Response:
    """Give a page that knows the token its cookie."""
    if not server.access.is_token(token):
        await asyncio.sleep(1)  # guessing takes its time
        raise Refused(401, "wrong token: the server shows the right one when it starts")
    answer = RedirectResponse("/", 303)
    answer.set_cookie(server.access.cookie, server.access.session(), httponly=True, samesite="strict")
    return answer


# --- the server -------------------------------------------------------------------------------------------


@router.get("/healthz", tags=["server"], responses={421: {"model": schemas.Problem}})
async def health(server: Server) -> schemas.Health:
    """Say that the server lives."""
    return schemas.Health(version=__version__, queued=server.jobs.queued, running=server.jobs.running)


@router.get("/metrics", tags=["server"], response_class=PlainTextResponse, responses=_errors())
async def prometheus(server: Server) -> str:
    """Return figures in the text format of Prometheus."""
    return metrics.exposition(server.jobs, time.monotonic() - server.started)


@router.get("/v1/networks", tags=["server"], responses=_errors())
async def list_networks() -> schemas.Networks:
    """List the networks that ship, and what each is for."""
    return schemas.Networks(
        default=next(iter(networks.purposes())).name,
        purposes=[
            schemas.Purpose(name=one.name, title=one.title, text=one.text, networks=list(names))
            for one, names in networks.purposes().items()
        ],
        networks=[
            schemas.Network(
                name=name,
                scale=registry.passport(name).scale,
                licence=registry.passport(name).licence,
                seconds_per_megapixel=networks.seconds_per_megapixel(name),
                dials=[schemas.Dial(**vars(dial)) for dial in networks.dials(name)],
            )
            for name in registry.names()
        ],
    )


@router.get("/v1/limits", tags=["server"], responses=_errors())
async def limits(server: Server) -> schemas.Bounds:
    """Say how much the server takes."""
    known = vars(server.settings.limits)
    return schemas.Bounds(**{name: known[name] for name in schemas.Bounds.model_fields})


# --- jobs -------------------------------------------------------------------------------------------------


async def _queued(
    server: Any, file: UploadFile, wishes: schemas.Options, batch: str | None, folder: str | None
) -> Job:
    """Take a picture in and queue it; whatever goes wrong, nothing of it is left."""
    server.jobs.refuse_when_full()
    place = server.jobs.place()
    with contextlib.ExitStack() as undo:
        undo.callback(uploads.remove, place)
        name = clean_name(file.filename)
        length = await asyncio.to_thread(uploads.copy, file.file, place / "source")
        if length == 0:
            raise Refused(415, f"{name}: the file is empty (0 bytes)")
        picture = await uploads.look(server.inspector, place / "source", name, length)
        options, network = uploads.checked(picture, wishes, name, server.settings.limits)
        uploads.refuse_without_room(server.folder, picture, server.jobs.stored(), server.settings.limits)
        job = Job(name, clean_folder(folder), place, picture, options, network, batch)
        server.jobs.add(job)
        undo.pop_all()
    return job


@router.post("/v1/jobs", tags=["jobs"], status_code=202, responses=_errors(404, 408, 413, 415, 422, 429, 507))
async def create_job(
    server: Server,
    response: Response,
    file: Upload,
    wishes: Wishes,
    batch: Annotated[str | None, Form(pattern=r"^[A-Za-z0-9_-]{22}$", description="To belong to.")] = None,
    folder: Annotated[str | None, Form(max_length=2000, description="Of the result in the zip.")] = None,
) -> schemas.Job:
    """Queue a picture."""
    if batch is not None and not server.jobs.has_batch(batch):
        raise Refused(404, "there is no such batch: make one by POST /v1/batches")
    job = await _queued(server, file, wishes, batch, folder)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return server.jobs.shown(job)


@router.get("/v1/jobs/{id}", tags=["jobs"], responses=_errors(404, 422))
async def get_job(server: Server, job: OneJob) -> schemas.Job:
    """Say where a job is."""
    return server.jobs.shown(job)


@router.delete("/v1/jobs/{id}", tags=["jobs"], responses=_errors(404, 422))
async def delete_job(server: Server, job: OneJob) -> schemas.Job:
    """Cancel a job, between two tiles if it is at work; delete one that has ended, with its files."""
    if job.state.final:
        server.jobs.forget(job)
    else:
        server.jobs.cancel(job)
    return server.jobs.shown(job)


@router.post(
    "/v1/jobs/{id}/retry", tags=["jobs"], status_code=202, responses=_errors(404, 409, 413, 422, 429, 507)
)
async def retry_job(server: Server, job: OneJob, wishes: Wishes) -> schemas.Job:
    """Do a job that has ended once more, with these options; its result is replaced."""
    if not job.state.final or job.readers:
        raise Refused(409, "it is still at work or being fetched: cancel it first, or wait")
    options, network = uploads.checked(job.picture, wishes, job.name, server.settings.limits)
    uploads.refuse_without_room(server.folder, job.picture, server.jobs.stored(), server.settings.limits)
    server.jobs.again(job, options, network)
    return server.jobs.shown(job)


@router.get(
    "/v1/jobs/{id}/events", tags=["jobs"], response_class=EventSourceResponse, responses=_errors(404, 422)
)
async def job_events(server: Server, job: OneJob) -> AsyncIterator[ServerSentEvent]:
    """Tell of a job, position in the queue and tiles done, until it has ended; events are named `job`."""
    async for event in _events(server, job.id, [job.id], until=job):
        yield event


@router.get(
    "/v1/jobs/{id}/result",
    tags=["jobs"],
    response_class=FileResponse,
    responses={**_errors(404, 409, 422), 200: {"content": {"image/*": {}}, "description": "The file."}},
)
async def get_result(server: Server, job: OneJob) -> Response:
    """Return the result: the file that the command writes, byte for byte."""
    return _result(job)


def _result(job: Job) -> FileResponse:
    if job.state is not State.DONE or not job.target.exists():
        raise Refused(
            409, f"there is no result: the job is {job.state}" + (f" ({job.error})" if job.error else "")
        )
    job.readers += 1
    return _Download(job)


class _Download(FileResponse):
    """A result on its way; it does not expire meanwhile."""

    def __init__(self, job: Job) -> None:
        kind = _TYPES.get(job.target.suffix, "application/octet-stream")
        headers = {
            "Content-Disposition": content_disposition(job.result_name),
            "Cache-Control": "private, no-cache",
        }
        super().__init__(job.target, media_type=kind, headers=headers)
        self._job = job

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.readers -= 1


@router.get(
    "/v1/jobs/{id}/thumbnail",
    tags=["pictures"],
    response_class=FileResponse,
    responses={
        **_errors(404, 415, 422),
        200: {"content": {"image/jpeg": {}}, "description": "At most 192x192."},
    },
)
async def get_thumbnail(server: Server, job: OneJob) -> Response:
    """Return a small JPEG of the picture."""
    target = job.place / "thumbnail.jpg"
    async with job.looking:
        if not target.exists():
            await _look(server, {"do": "thumbnail", "path": str(job.source), "target": str(target)})
    return FileResponse(target, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.get("/v1/jobs/{id}/view", tags=["pictures"], responses=_errors(404, 409, 415, 422))
async def get_views(server: Server, job: OneJob) -> schemas.Views:
    """Make both pictures ready to be laid over each other at any size; the first look takes a moment."""
    if job.state is not State.DONE:
        raise Refused(409, f"there is no result to look at: the job is {job.state}")
    async with job.looking:
        if job.views is None:
            before = await _view(server, job.source, job.place / "before")
            job.views = schemas.Views(
                before=before, after=await _view(server, job.target, job.place / "after")
            )
        return job.views


async def _view(server: Any, path: Path, target: Path) -> schemas.View:
    return schemas.View(**await _look(server, {"do": "view", "path": str(path), "target": str(target)}))


async def _look(server: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        answer = await server.viewer.ask(request, timeout=_VIEW)
    except HelperDied as error:
        raise Refused(415, f"it cannot be shown ({error.reason}); the result can be downloaded") from None
    if "error" in answer:
        raise Refused(415, "it cannot be shown, as a picture that is damaged; a result can be downloaded")
    answer.pop("answer")
    return answer


@router.get(
    "/v1/jobs/{id}/view/{side}/{level}/{column}_{row}.{kind}",
    tags=["pictures"],
    response_class=FileResponse,
    responses={**_errors(404, 422), 200: {"content": {"image/*": {}}, "description": "A tile."}},
)
async def get_tile(
    job: OneJob,
    side: Literal["before", "after"],
    level: Annotated[int, InPath(ge=0, le=32)],
    column: Annotated[int, InPath(ge=0, le=1_000_000)],
    row: Annotated[int, InPath(ge=0, le=1_000_000)],
    kind: Literal["png", "jpg"],
) -> Response:
    """Return a tile of a view."""
    tile = job.place / f"{side}_files" / str(level) / f"{column}_{row}.{kind}"
    if not tile.is_file():
        raise Refused(404, "there is no such tile: ask for /view first")
    return FileResponse(tile, media_type=_TYPES[f".{kind}"], headers={"Cache-Control": "private, no-cache"})


# --- batches ----------------------------------------------------------------------------------------------


@router.post("/v1/batches", tags=["batches"], status_code=201, responses=_errors())
async def create_batch(server: Server) -> schemas.Batch:
    """Make a batch that jobs can belong to."""
    return schemas.Batch(id=server.jobs.new_batch(), jobs=[])


@router.get("/v1/batches/{id}", tags=["batches"], responses=_errors(404, 422))
async def get_batch(server: Server, batch: OneBatch) -> schemas.Batch:
    """Return a batch with its jobs."""
    return schemas.Batch(id=batch, jobs=[server.jobs.shown(job) for job in server.jobs.of_batch(batch)])


@router.delete("/v1/batches/{id}", tags=["batches"], responses=_errors(404, 422))
async def cancel_batch(server: Server, batch: OneBatch) -> schemas.Batch:
    """Cancel all jobs of a batch that have not ended; results stay."""
    for job in server.jobs.of_batch(batch):
        server.jobs.cancel(job)
    return schemas.Batch(id=batch, jobs=[server.jobs.shown(job) for job in server.jobs.of_batch(batch)])


@router.get(
    "/v1/batches/{id}/events",
    tags=["batches"],
    response_class=EventSourceResponse,
    responses=_errors(404, 422),
)
async def batch_events(server: Server, batch: OneBatch) -> AsyncIterator[ServerSentEvent]:
    """Tell of all jobs of a batch; events are named `job`, or `gone` for one that was deleted."""
    async for event in _events(server, batch, [job.id for job in server.jobs.of_batch(batch)]):
        yield event


@router.get(
    "/v1/batches/{id}/results.zip",
    tags=["batches"],
    response_class=StreamingResponse,
    responses={
        **_errors(404, 409, 422),
        200: {"content": {"application/zip": {}}, "description": "A zip file."},
    },
)
async def get_zip(
    server: Server,
    batch: OneBatch,
    job: Annotated[list[str] | None, Query(max_length=1000, description="Only these.")] = None,
) -> Response:
    """Return all results of a batch as a zip file, in the folders that their pictures had."""
    done = [
        one for one in server.jobs.of_batch(batch) if one.state is State.DONE and (not job or one.id in job)
    ]
    if not done:
        raise Refused(409, "no result is there yet")
    names = distinct(f"{one.folder}/{one.result_name}".lstrip("/") for one in done)
    parts = archive.stream(list(zip(names, [one.target for one in done], strict=True)))
    for one in done:
        one.readers += 1
    headers = {"Content-Disposition": content_disposition("keras-sr.zip")}
    return StreamingResponse(_released(parts, done), media_type="application/zip", headers=headers)


def _released(parts: Iterator[bytes], jobs: list[Job]) -> Iterator[bytes]:
    try:
        yield from parts
    finally:
        for job in jobs:
            job.readers -= 1


async def _events(
    server: Any, key: str, ids: list[str], until: Job | None = None
) -> AsyncIterator[ServerSentEvent]:
    """Yield the state of jobs now, and whenever it changes; whoever reconnects is told everything."""
    number = 0
    with server.jobs.watch(key) as watch:
        while not server.jobs.closing:
            for id in ids:
                number += 1
                job = server.jobs.get(id)
                if job is None:
                    yield ServerSentEvent(event="gone", id=str(number), data={"id": id})
                else:
                    yield ServerSentEvent(event="job", id=str(number), data=server.jobs.shown(job))
            if until and (until.state.final or server.jobs.get(until.id) is None):
                return
            await asyncio.sleep(_PACE)
            ids = await watch.changed(_PING)
            if not ids:
                yield ServerSentEvent(comment="still here")
                if until is None:
                    server.jobs.has_batch(key)


# --- one call ---------------------------------------------------------------------------------------------


@router.post(
    "/v1/upscale",
    tags=["jobs"],
    response_class=FileResponse,
    responses={
        **_errors(408, 413, 415, 422, 429, 507),
        200: {"content": {"image/*": {}}, "description": "The file."},
    },
)
async def upscale(request: Request, server: Server, file: Upload, wishes: Wishes) -> Response:
    """Enlarge a picture and return the file, in one call; closing the connection cancels it."""
    job = await _queued(server, file, wishes, None, None)
    try:
        with server.jobs.watch(job.id) as watch:
            while not job.state.final and not server.jobs.closing:
                await watch.changed(1.0)
                if await request.is_disconnected():
                    break
        if job.state is not State.DONE:
            raise Refused(422, f"{job.name}: {job.error or 'cancelled'}")
    except BaseException:
        server.jobs.abandon(job)
        raise
    return _Once(job, server)


class _Once(_Download):
    """A result that is sent once and then deleted."""

    def __init__(self, job: Job, server: Any) -> None:
        job.readers += 1
        super().__init__(job)
        self._server = server

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._server.jobs.forget(self._job)
