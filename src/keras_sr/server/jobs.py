"""Jobs, from a picture that came to a result that is fetched or expires. Computes nothing itself."""

import asyncio
import contextlib
import os
import secrets
import shlex
import shutil
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from keras_sr.server import networks, schemas
from keras_sr.server.helper import Helper, HelperDied, Message
from keras_sr.server.schemas import State
from keras_sr.server.settings import Settings
from keras_sr.tasks.batch.plan import target_name
from keras_sr.tasks.batch.size import Size
from keras_sr.weights import registry

#: Seconds that a tile may take after its job was cancelled, before the worker is ended.
_PATIENCE = 30.0

#: Seconds between two looks for what has expired.
_SWEEP = 5.0

#: Of a new measurement, in the mean that time left is estimated from.
_NEWEST = 0.3


class QueueFull(Exception):
    """No more jobs are taken for now.

    Args:
        seconds: After which there may be room.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the queue is full; try again in {seconds:.0f} seconds")
        self.seconds = seconds


def new_id() -> str:
    """Return an id that nobody guesses: 128 random bits."""
    return secrets.token_urlsafe(16)


@dataclass(eq=False)
class Job:
    """A picture to enlarge; its files lie in a folder of its own.

    Attributes:
        name: What the client calls the picture.
        folder: The client's folder, for the zip.
        place: The folder of its files.
        picture: What its header says.
        options: How to enlarge it.
        network: The one that does.
    """

    name: str
    folder: str
    place: Path
    picture: schemas.Picture
    options: schemas.Options
    network: str
    batch: str | None = None
    id: str = field(default_factory=new_id)
    state: State = State.QUEUED
    progress: float = 0.0
    tiles: int = 0
    started: float = 0.0
    touched: float = field(default_factory=time.monotonic)
    cancelling: bool = False
    result: schemas.Result | None = None
    error: str | None = None
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    views: schemas.Views | None = None
    #: Clients that read its files just now: they keep it from expiring.
    readers: int = 0
    #: Whether nobody waits for it: deleted as soon as it ends.
    abandoned: bool = False

    @property
    def size(self) -> Size:
        """How large the result is to be."""
        return Size(self.options.scale, self.options.width, self.options.height)

    @property
    def result_name(self) -> str:
        """What the command would call the result."""
        mark = self.size.mark(registry.passport(self.network).scale)
        ending = "" if self.options.format is schemas.Format.AUTO else f".{self.options.format}"
        return target_name(Path(self.name), f"{{stem}}_{mark}.{{ext}}", ending)

    @property
    def source(self) -> Path:
        """The picture's file, under a name of ours."""
        return self.place / "source"

    @property
    def target(self) -> Path:
        """The result's file, under a name of ours; its ending decides about the format."""
        return self.place / f"result{Path(self.result_name).suffix.lower()}"

    def command(self) -> str:
        """Return the command that writes the same file."""
        words = ["keras-sr", "upscale", self.name, "-o", self.result_name]
        words += ["-n", self.network] if self.options.network else []
        for option in ("scale", "width", "height", "detail", "denoise"):
            value = getattr(self.options, option)
            words += [f"--{option}", f"{value:g}"] if value is not None else []
        words += ["--consistent"] if self.options.consistent else []
        return shlex.join(words)


class JobWatch:
    """What has changed since somebody last looked, for one batch or one job."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()

    def tell(self, job: str) -> None:
        """Note that a job has changed."""
        self._changed[job] = None
        self._news.set()

    def wake(self) -> None:
        """Make `changed` return."""
        self._news.set()

    async def changed(self, seconds: float) -> list[str]:
        """Return the ids of jobs that have changed; [] if none does within `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
        self._news.clear()
        ids, self._changed = list(self._changed), {}
        return ids


class Jobs:
    """All jobs of a server, and the one worker that does them in turn.

    Args:
        settings: Of the server.
        folder: Where jobs have their folders.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._jobs: dict[str, Job] = {}
        self._batches: dict[str, float] = {}
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._work = asyncio.Event()
        self._watches: set[JobWatch] = set()
        self._rates: dict[str, float] = {}
        self.worker = Helper("keras_sr.server.worker")
        self.counts: dict[State, int] = {state: 0 for state in State if state.final}
        self.refused = 0
        self.seconds = 0.0
        self.closing = False

    # --- what clients ask for -----------------------------------------------------------------------------

    def new_batch(self) -> str:
        """Return the id of a new batch."""
        batch = new_id()
        self._batches[batch] = time.monotonic()
        return batch

    def has_batch(self, batch: str) -> bool:
        """Return whether there is such a batch; a look at it keeps it."""
        if batch in self._batches:
            self._batches[batch] = time.monotonic()
        return batch in self._batches

    def of_batch(self, batch: str) -> list[Job]:
        """Return the jobs of a batch, in the order they came."""
        return [job for job in self._jobs.values() if job.batch == batch]

    def get(self, job: str) -> Job | None:
        """Return a job; a look at it keeps it."""
        found = self._jobs.get(job)
        if found:
            found.touched = time.monotonic()
        return found

    def refuse_when_full(self) -> None:
        """Raise `QueueFull` if no job can be added."""
        if len(self._waiting) >= self._settings.limits.queue:
            self.refused += 1
            raise QueueFull(max(1.0, min(60.0, self._seconds_left(self._waiting[0]) or 1.0)))

    def add(self, job: Job) -> None:
        """Queue a job.

        Raises:
            QueueFull: Too many are waiting.
        """
        self.refuse_when_full()
        self._jobs[job.id] = job
        self._queue(job)

    def again(self, job: Job, options: schemas.Options, network: str) -> None:
        """Queue a job that has ended once more, perhaps with other options."""
        self.refuse_when_full()
        job.views = None
        for path in job.place.iterdir():
            if path != job.source and path.name != "thumbnail.jpg":
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        job.options, job.network = options, network
        job.result = job.error = None
        self._queue(job)

    def cancel(self, job: Job) -> None:
        """Take a job out of the queue, or stop it after its tile; one that has ended stays as it is."""
        if job is self._running:
            if not job.cancelling:
                job.cancelling = True
                self.worker.tell({"do": "cancel"})
                asyncio.get_running_loop().call_later(_PATIENCE, self._end, job)
        elif job.state is State.QUEUED:
            self._waiting.remove(job)
            self._ended(job, State.CANCELLED)
            self._tell_waiting()

    def abandon(self, job: Job) -> None:
        """Cancel a job that nobody waits for, and delete it when it has ended."""
        job.abandoned = True
        self.cancel(job)
        if job.state.final:
            self.forget(job)

    def forget(self, job: Job) -> None:
        """Delete a job that has ended, with its files."""
        self._jobs.pop(job.id, None)
        self._tell(job)
        shutil.rmtree(job.place, ignore_errors=True)

    def place(self) -> Path:
        """Return a new folder for the files of a job."""
        path = self._folder / new_id()
        path.mkdir(mode=0o700)
        return path

    def close(self) -> None:
        """End what waits for jobs to change."""
        self.closing = True
        for watch in self._watches:
            watch.wake()

    @contextlib.contextmanager
    def watch(self, key: str) -> Iterator[JobWatch]:
        """Watch a batch, or a job, while the block runs."""
        watch = JobWatch(key)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    # --- what they see ------------------------------------------------------------------------------------

    @property
    def queued(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many are at work: 0 or 1."""
        return int(self._running is not None)

    @property
    def kept(self) -> int:
        """How many jobs there are, those that have ended included."""
        return len(self._jobs)

    @property
    def batches(self) -> int:
        """How many batches are known."""
        return len(self._batches)

    def stored(self) -> int:
        """Return how many bytes pictures and results take."""
        return sum(job.picture.bytes + (job.result.bytes if job.result else 0) for job in self._jobs.values())

    def shown(self, job: Job) -> schemas.Job:
        """Return a job as clients see it."""
        return schemas.Job(
            id=job.id,
            batch=job.batch,
            name=job.name,
            folder=job.folder,
            state=job.state,
            position=self._waiting.index(job) + self.running if job.state is State.QUEUED else None,
            progress=job.progress,
            tiles_done=job.tiles,
            seconds_left=self._seconds_left(job),
            network=job.network,
            options=job.options,
            command=job.command(),
            picture=job.picture,
            result=job.result,
            error=job.error,
        )

    def _seconds_left(self, job: Job) -> float | None:
        if job.state is State.RUNNING:
            spent = time.monotonic() - job.started
            if job.progress > 0.05:
                return round(spent * (1 - job.progress) / job.progress, 1)
            return round(max(0.0, self._estimate(job) - spent), 1)
        if job.state is not State.QUEUED:
            return None
        before = [one for one in self._waiting if one is not job]
        before = before[: self._waiting.index(job)]
        now = (self._seconds_left(self._running) or 0.0) if self._running else 0.0
        return round(now + sum(map(self._estimate, before)) + self._estimate(job), 1)

    def _estimate(self, job: Job) -> float:
        """Return the seconds that a job will take, by what others have taken."""
        rate = self._rates.get(job.network) or networks.seconds_per_megapixel(job.network)
        return rate * self._megapixels(job)

    def _megapixels(self, job: Job) -> float:
        # Time follows what the network gives, whatever it is resized to.
        picture = job.picture
        return (
            picture.width * picture.height * picture.frames * registry.passport(job.network).scale ** 2 / 1e6
        )

    # --- the work -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do the jobs, one after the other, for ever."""
        sweeper = asyncio.create_task(self._sweep())
        try:
            while True:
                await self._work.wait()
                while self._waiting:
                    await self._do(self._waiting.popleft())
                self._work.clear()
        finally:
            sweeper.cancel()
            await self.worker.close()

    async def _do(self, job: Job) -> None:
        self._running = job
        job.state, job.started, job.cancelling = State.RUNNING, time.monotonic(), False
        self._tell(job)
        self._tell_waiting()
        try:
            answer = await self.worker.ask(self._request(job), lambda message: self._progress(job, message))
        except HelperDied as error:
            answer = {
                "error": f"the computation broke off ({error.reason}): try a smaller picture or another size"
            }
        finally:
            self._running = None
        if (job.cancelling and "error" in answer) or answer.get("cancelled"):
            job.target.unlink(missing_ok=True)
            self._ended(job, State.CANCELLED)
        elif "error" in answer:
            job.error = told(answer["error"], job)
            self._ended(job, State.FAILED)
        else:
            self._keep(job, answer)

    def _request(self, job: Job) -> Message:
        return {
            "do": "upscale",
            "source": str(job.source),
            "target": str(job.target),
            # Without a name the picture decides, as it does for the command.
            "network": job.network if job.options.network else None,
            "network_scale": registry.passport(job.network).scale,
            "max_memory": self._settings.max_memory,
            "threads": self._settings.threads,
            **job.options.model_dump(include={"scale", "width", "height", "detail", "denoise", "consistent"}),
        }

    def _progress(self, job: Job, message: Message) -> None:
        job.progress, job.tiles = min(1.0, message["share"]), message["tiles"]
        self._tell(job)

    def _keep(self, job: Job, answer: Message) -> None:
        try:
            size = job.target.stat().st_size
        except OSError:
            job.error = "its result is gone from the disk: try again"
            self._ended(job, State.FAILED)
            return
        width, height = answer["size"]
        job.result = schemas.Result(
            name=job.result_name,
            width=width,
            height=height,
            bytes=size,
            seconds=round(answer["seconds"], 3),
            lost=answer["lost"],
            network=answer["network"],
            traces=answer["traces"],
        )
        self.seconds += answer["seconds"]
        rate = answer["seconds"] / max(self._megapixels(job), 1e-3)
        known = self._rates.get(job.network, rate)
        self._rates[job.network] = known + _NEWEST * (rate - known)
        self._ended(job, State.DONE)

    def _queue(self, job: Job) -> None:
        job.state, job.progress, job.tiles = State.QUEUED, 0.0, 0
        self._waiting.append(job)
        self._work.set()
        self._tell(job)

    def _end(self, job: Job) -> None:
        if job is self._running and job.cancelling:
            self.worker.kill()

    def _ended(self, job: Job, state: State) -> None:
        job.state, job.touched = state, time.monotonic()
        job.progress = 1.0 if state is State.DONE else job.progress
        self.counts[state] += 1
        self._tell(job)
        if job.abandoned:
            self.forget(job)

    def _tell(self, job: Job) -> None:
        for watch in self._watches:
            if watch.key in (job.id, job.batch):
                watch.tell(job.id)

    def _tell_waiting(self) -> None:
        for job in self._waiting:
            self._tell(job)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP, self._settings.limits.keep_seconds / 4))
            self.expire()

    def expire(self) -> None:
        """Delete what nobody has asked for in a long time."""
        old = time.monotonic() - self._settings.limits.keep_seconds
        for job in [*self._jobs.values()]:
            if job.state.final and not job.readers and job.touched < old:
                self.forget(job)
        lively = {job.batch for job in self._jobs.values()}
        watched = {watch.key for watch in self._watches}
        for batch, touched in [*self._batches.items()]:
            if touched < old and batch not in lively | watched:
                del self._batches[batch]


def told(error: str, job: Job) -> str:
    """Return an error as its client may read it: with the client's name for the file, without our folders."""
    text = error.replace(str(job.source), job.name).replace(str(job.target), job.result_name)
    return text.replace(str(job.place) + os.sep, "").replace(str(job.place.parent) + os.sep, "")
