"""Which picture becomes which file: decided for all of a batch before anything is written."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from string import Formatter

from keras_sr.errors import PictureError, unknown
from keras_sr.images.picture import NOT_READ, READ, WRITTEN
from keras_sr.tasks.batch.listing import Listing

log = logging.getLogger(__name__)

#: Bytes in a name, on the file systems in use.
_LONGEST_NAME = 255


@dataclass(frozen=True)
class Job:
    """A picture to enlarge, and where it goes.

    Attributes:
        source: The picture.
        target: Its result.
        refused: Why it cannot be done, known before the work; "" where it can.
        name: The picture's path below the folder that was given, with / on every system.
        addresses: Of picture and result, where they are in a store and not on this machine.
    """

    source: Path
    target: Path
    refused: str = ""
    name: str = ""
    addresses: tuple[str, str] | None = None

    @property
    def given(self) -> str:
        """What a person calls the picture."""
        return self.addresses[0] if self.addresses else str(self.source)

    @property
    def place(self) -> str:
        """What a person calls the result."""
        return self.addresses[1] if self.addresses else str(self.target)


def plan(
    listing: Listing,
    output: str | Path,
    scale: float,
    *,
    suffix: str | None = None,
    extension: str = "auto",
    pattern: str | None = None,
    network: str = "",
    beside: Sequence[str] = (),
    report: Path | None = None,
    ours: Callable[[Path], bool] = lambda path: False,
    made: Callable[[Path], bool] = lambda path: False,
) -> list[Job]:
    """Return a job for every picture, before anything is enlarged.

    One file goes to `output` itself when that ends like a picture. Otherwise `output` is a folder, made
    when it is absent, and `a.png` becomes `a_x4.png` in it; a suffix that cannot be written, `.png`.

    Args:
        listing: The pictures.
        output: A file or a folder.
        scale: Of the results, for their names.
        suffix: Put behind names instead of `x4`; "" puts nothing.
        extension: What results end with, such as `png`; `auto` takes that of the picture.
        pattern: The name of results, with `{stem}`, `{ext}`, `{scale}` and `{network}` in it, instead of
            `suffix`.
        network: Its name, for the pattern.
        beside: What else is written for each result, such as `"map"`, see `beside_name`.
        report: A file that is written when all is done.
        ours: Whether a file that lies at a result's place was left by an earlier run; such files are not
            treated as input.
        made: Whether a file was made by an earlier run: it is not written over unless `ours` says so.

    Raises:
        PictureError: No folder holds a picture, the output or the pattern is no name of a picture, two files
            would go to one place, or one would be written over a picture that is read.
    """
    inputs, output = listing.inputs, Path(output)
    ending = "" if extension == "auto" else f".{extension.lower().lstrip('.')}"
    if ending and ending not in WRITTEN:
        raise PictureError(unknown("extension", extension, ["auto", *(known[1:] for known in WRITTEN)]))
    mark = f"_x{scale:g}" if suffix is None else f"_{suffix}" if suffix else ""
    form = pattern or f"{{stem}}{_braces_doubled(mark)}.{{ext}}"
    facts = {"scale": f"{scale:g}", "network": network}
    naming = partial(target_name, pattern=form, ending=ending, facts=facts)
    naming(inputs[0].parent / "a.png")  # a pattern that makes no name of any picture
    found, odd = listing.found, listing.odd
    if not found and not odd:
        kinds = ", ".join(sorted(READ))
        raise PictureError(f"no picture in {', '.join(map(str, inputs))}: expected files ending in {kinds}")
    for path in inputs:
        if path.is_dir() and path not in (base for _, base in (*found, *((o.source, o.base) for o in odd))):
            log.warning("no picture in %s", path)
    if is_file(output) and len(inputs) == 1 and not inputs[0].is_dir():
        jobs = [Job(found[0][0], output, name=_name(*found[0]))]
    elif is_file(output) or output.is_file():
        raise PictureError(f"{output} is one file: several pictures need a folder to go to")
    else:
        jobs = _named(found, output, naming)
    given = {os.path.realpath(path) for path in inputs}
    places = {os.path.realpath(path) for job in jobs for path in _places_of(job, beside)}
    earlier = {
        source
        for source in (job.source for job in jobs)
        if os.path.realpath(source) in places - given and ours(source)
    }
    jobs = [job for job in jobs if job.source not in earlier]
    jobs = _collisions_refused(jobs, beside, report, made)
    return [
        *jobs,
        *(Job(one.source, output / one.source.name, one.why, _name(one.source, one.base)) for one in odd),
    ]


def _name(source: Path, base: Path) -> str:
    """Return the path of a picture below the folder that was given."""
    return source.relative_to(base).as_posix()


#: From a picture to the name of its result.
_Naming = Callable[[Path], str]


def _named(found: Sequence[tuple[Path, Path]], output: Path, naming: _Naming) -> list[Job]:
    """Return a job for each picture; those that would become one file have their own ending in the name."""
    jobs: list[Job] = []
    for source, base in found:
        folder, name = output / source.parent.relative_to(base), _name(source, base)
        try:
            jobs.append(Job(source, folder / naming(source), name=name))
        except PictureError as error:
            jobs.append(Job(source, folder / "unnamed.png", str(error), name))
    if len(jobs) == 1 and jobs[0].refused:
        raise PictureError(jobs[0].refused)
    count = Counter(os.path.realpath(job.target) for job in jobs if not job.refused)
    return [
        _apart(job, naming) if not job.refused and count[os.path.realpath(job.target)] > 1 else job
        for job in jobs
    ]


def _apart(job: Job, naming: _Naming) -> Job:
    """Return a job whose result has the ending of its picture in the name, unless it is the result's own."""
    source = job.source
    if source.suffix.lower() == job.target.suffix.lower() or not source.suffix:
        return job
    apart = naming(source.with_name(f"{source.stem}_{source.suffix[1:]}{source.suffix}"))
    if apart == job.target.name:
        return job
    log.warning("%s becomes %s: another picture becomes %s", source, apart, job.target.name)
    return replace(job, target=job.target.with_name(apart))


def _places_of(job: Job, beside: Sequence[str]) -> list[Path]:
    """Return what is written for a job: the result, and what lies beside it."""
    return [job.target, *(beside_name(job.target, kind) for kind in beside)]


def results_folder(output: Path) -> Path:
    """Return the folder that results go to: the output, or the folder of an output that is a file."""
    return output.parent if is_file(output) else output


def is_file(output: Path) -> bool:
    """Return whether an output is the name of a picture and not of a folder.

    Raises:
        PictureError: It is the name of a picture of a kind that is not written.
    """
    suffix = output.suffix.lower()
    if suffix in {*NOT_READ, *READ} and suffix not in WRITTEN and not output.is_dir():
        raise PictureError(f"cannot write {str(output)!r}: {unknown('suffix', suffix, list(WRITTEN))}")
    return suffix in WRITTEN and not output.is_dir()


def _braces_doubled(text: str) -> str:
    """Return text as it has to stand in a pattern."""
    return text.replace("{", "{{").replace("}", "}}")


#: What may stand in braces in the pattern of a name.
FIELDS = ("stem", "ext", "scale", "network")


def target_name(source: Path, pattern: str, ending: str = "", facts: dict[str, str] | None = None) -> str:
    """Return the name of the enlarged file.

    Args:
        source: The picture.
        pattern: With `FIELDS` in braces.
        ending: Of the result, such as `.png`; that of the picture, where it can be written, when empty.
        facts: Values of the fields that are not of the picture.

    Raises:
        PictureError: The pattern has other fields, or makes something that is no file name.

    Examples:
        >>> target_name(Path("my/Cat.JPG"), "{stem}_x4.{ext}"), target_name(Path("a.pbm"), "2x{stem}.{ext}")
        ('Cat_x4.JPG', '2xa.png')
    """
    ending = ending or (source.suffix if source.suffix.lower() in WRITTEN else ".png")
    try:
        fields = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    except ValueError as error:
        raise PictureError(f"{pattern!r} is not a pattern: {error}") from None
    for name in fields - set(FIELDS):
        raise PictureError(unknown("field of the pattern", name, list(FIELDS)))
    values = {"scale": "", "network": "", **(facts or {}), "ext": ending[1:]}
    made = _shortened(source.stem, lambda stem: pattern.format(**values, stem=stem))
    # Results stay in the folder that they were meant for.
    if made in ("", ".", "..") or {"/", "\\", "\0"} & set(made):
        raise PictureError(f"{pattern!r} makes {made!r} of {source}, which is not a file name")
    if Path(made).suffix.lower() not in WRITTEN:
        raise PictureError(f"{pattern!r} makes {made!r} of {source}: end it with .{{ext}}, or with .png")
    return made


def beside_name(target: Path, kind: str) -> Path:
    """Return what is written beside a result: `a_x4.png` has `a_x4_compare.png` and `a_x4_map.png`."""
    return target.with_name(_shortened(target.stem, lambda stem: f"{stem}_{kind}.png"))


def _shortened(stem: str, name: Callable[[str], str]) -> str:
    """Return `name(stem)`, with as much of the stem as file systems take."""
    while len(os.fsencode(name(stem))) > _LONGEST_NAME and stem:
        stem = stem[:-1]
    return name(stem)


def _collisions_refused(
    jobs: list[Job], beside: Sequence[str], report: Path | None, made: Callable[[Path], bool]
) -> list[Job]:
    """Return jobs, those refused that would destroy a result or a picture that is still to be read.

    Raises:
        PictureError: None is left, or the report would destroy something.
    """
    # Not Path.resolve, which takes a link that goes round in circles for the end of all.
    sources = {os.path.realpath(job.source) for job in jobs}
    if report and report.is_dir():
        raise PictureError(f"the report {report} is a folder: give it the name of a file")
    reported = os.path.realpath(report) if report else None
    makers: dict[str, list[str]] = {}
    for job in jobs:
        for path in _places_of(job, beside) if not job.refused else ():
            makers.setdefault(os.path.realpath(path), []).append(_maker(job, path))
    if reported in sources or reported in makers:
        raise PictureError(f"the report {report} would overwrite a picture: give it another name")
    refused = [
        job if job.refused else replace(job, refused=_collision(job, beside, sources, makers)) for job in jobs
    ]
    reasons = [job.refused for job in refused]
    earlier = any(
        after.refused and not before.refused and made(after.target)
        for before, after in zip(jobs, refused, strict=True)
    )
    if earlier or (all(reasons) and not all(job.refused for job in jobs)):
        hint = "if it is from an earlier run, `resume=True` or `skip_existing=True` continue that run"
        first = next(after.refused for before, after in zip(jobs, refused, strict=True) if not before.refused)
        raise PictureError(first, hint=hint if "overwrite" in first else "")
    return refused


def _maker(job: Job, path: Path) -> str:
    """Return what is written to a path for a job, in words."""
    return str(job.source) if path == job.target else f"the {path.stem.rpartition('_')[2]} of {job.target}"


def _collision(job: Job, beside: Sequence[str], sources: set[str], makers: dict[str, list[str]]) -> str:
    """Return what a job would destroy, in one line; "" where it destroys nothing."""
    for path in _places_of(job, beside):
        place = os.path.realpath(path)
        if place in sources:
            return f"{path} ({_maker(job, path)}) would overwrite an input picture: choose another output"
        if len(makers[place]) > 1:
            return f"{' and '.join(makers[place])} would both become {path}: give each its own output"
    return ""
