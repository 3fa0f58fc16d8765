"""What the API speaks, as types; its OpenAPI description is made from them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field

Share = Annotated[float, Field(ge=0, le=1)]


class State(StrEnum):
    """Where a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing happens any more unless it is asked for."""
        return self not in (State.QUEUED, State.RUNNING)


class Format(StrEnum):
    """The format of a result; `auto` is that of the picture."""

    AUTO = "auto"
    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"
    TIFF = "tif"
    AVIF = "avif"


class Problem(BaseModel):
    """Why a request was refused.

    Attributes:
        error: What was expected, what came and what to do, in one line.
    """

    error: str


class Options(BaseModel):
    """How a picture is enlarged; what is not given is as the command `keras-sr upscale` has it."""

    network: str | None = None
    scale: float | None = None
    width: int | None = None
    height: int | None = None
    detail: Share | None = None
    denoise: Share | None = None
    consistent: bool = False
    format: Format = Format.AUTO


class Picture(BaseModel):
    """What a file says of itself."""

    format: str
    width: int
    height: int
    frames: int
    bytes: int


class Result(BaseModel):
    """What became of a picture."""

    name: str
    width: int
    height: int
    bytes: int
    seconds: float
    lost: list[str] = Field(description="What the file held and the result does not.")
    network: str = Field(description="What enlarged it; without a name in the options, the picture decides.")
    traces: str = Field(description="What of the picture decided: `JPEG`, `noise`, `WebP` or nothing.")


class Job(BaseModel):
    """A picture that is enlarged."""

    id: str
    batch: str | None
    name: str
    folder: str
    state: State
    position: int | None = Field(description="Jobs before this one, while it is queued.")
    progress: Share
    tiles_done: int
    seconds_left: float | None = Field(description="An estimate, the queue before it included.")
    network: str = Field(description="The network that enlarges it, by its name in the registry.")
    options: Options
    command: str = Field(description="The command that writes the same file.")
    picture: Picture
    result: Result | None
    error: str | None = Field(description="Why it failed, and what to do.")


class Batch(BaseModel):
    """Jobs that belong together: those of a page, or of a folder."""

    id: str
    jobs: list[Job]


class Dial(BaseModel):
    """An option between 0 and 1."""

    name: str
    title: str
    low: str
    high: str
    default: float


class Network(BaseModel):
    """A network that ships."""

    name: str
    scale: int
    licence: str
    seconds_per_megapixel: float = Field(description="For a million pixels of result, on two cores, roughly.")
    dials: list[Dial]


class Purpose(BaseModel):
    """What somebody has, or wants; its name can be given as `network`."""

    name: str
    title: str
    text: str
    networks: list[str] = Field(description="By scale; the smallest that suffices is taken.")


class Networks(BaseModel):
    """What can be chosen."""

    default: str
    purposes: list[Purpose]
    networks: list[Network]


class Bounds(BaseModel):
    """How much the server takes."""

    upload_bytes: int
    pixels: int
    frames: int
    result_pixels: int
    queue: int
    keep_seconds: float


class View(BaseModel):
    """A picture cut into tiles, `.../view/{side}/{level}/{column}_{row}.{kind}`; the last level is whole."""

    width: int
    height: int
    levels: int
    tile: int
    kind: str


class Views(BaseModel):
    """Both pictures of a job, to be laid over each other."""

    before: View
    after: View


class Health(BaseModel):
    """That the server answers."""

    status: str = "ok"
    version: str
    queued: int
    running: int
