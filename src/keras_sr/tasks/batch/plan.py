"""Which picture becomes which file: decided for all of a batch before anything is written."""

import glob
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from keras_sr.errors import PictureError, unknown
from keras_sr.images.picture import NOT_READ, READ, WRITTEN

log = logging.getLogger(__name__)

#: Bytes in a name, on the file systems in use.
LONGEST_NAME = 255


@dataclass(frozen=True)
class Job:
    """A picture to enlarge, and where it goes."""

    source: Path
    target: Path


def plan(
    inputs: Iterable[str | Path],
    output: str | Path,
    scale: float,
    *,
    recursive: bool = False,
    suffix: str | None = None,
    extension: str = "auto",
    pattern: str | None = None,
    network: str = "",
    beside: Sequence[str] = (),
    report: Path | None = None,
    ours: Callable[[Path], bool] = lambda path: False,
) -> list[Job]:
    """Return a job for every picture, before anything is enlarged.

    One file goes to `output` itself when that ends like a picture. Otherwise `output` is a folder, made
    when it is absent, and `a.png` becomes `a_x4.png` in it; a suffix that cannot be written, `.png`.

    Args:
        inputs: Files, folders whose pictures are taken, and globs such as `photos/**/*.jpg`.
        output: A file or a folder.
        scale: Of the results, for their names.
        recursive: Take the pictures of folders inside, too; results keep their folders.
        suffix: Put behind names instead of `x4`; "" puts nothing.
        extension: What results end with, such as `png`; `auto` takes that of the picture.
        pattern: The name of results, with `{stem}`, `{ext}`, `{scale}` and `{network}` in it, instead of
            `suffix`.
        network: Its name, for the pattern.
        beside: What else is written for each result, such as `"map"`, see `beside_name`.
        report: A file that is written when all is done.
        ours: Whether a file that lies at a result's place was left by an earlier run; such files are not
            treated as input.

    Raises:
        PictureError: No folder holds a picture, a glob matches nothing, the output or the pattern is no name
            of a picture, two files would go to one place, or one would be written over a picture that is
            read.
    """
    inputs, output = [path for given in inputs for path in matches(given)], Path(output)
    ending = "" if extension == "auto" else f".{extension.lower().lstrip('.')}"
    if ending and ending not in WRITTEN:
        raise PictureError(unknown("extension", extension, ["auto", *(known[1:] for known in WRITTEN)]))
    mark = f"_x{scale:g}" if suffix is None else f"_{suffix}" if suffix else ""
    form = pattern or f"{{stem}}{braces_doubled(mark)}.{{ext}}"
    facts = {"scale": f"{scale:g}", "network": network}
    # Each picture with the folder that its result's place is relative to.
    found = [
        (picture, path if path.is_dir() else picture.parent)
        for path in inputs
        for picture in (list_pictures(path, recursive) if path.is_dir() else [path])
    ]
    found = list(dict.fromkeys(found))
    if not found:
        kinds = ", ".join(sorted(READ))
        raise PictureError(f"no picture in {', '.join(map(str, inputs))}: expected files ending in {kinds}")
    for path in inputs:
        if path.is_dir() and path not in (base for _, base in found):
            log.warning("no picture in %s", path)
    if is_file(output) and len(inputs) == 1 and not inputs[0].is_dir():
        jobs = [Job(found[0][0], output)]
    elif is_file(output) or output.is_file():
        raise PictureError(f"{output} is one file: several pictures need a folder to go to")
    else:
        jobs = [
            Job(source, output / source.parent.relative_to(base) / target_name(source, form, ending, facts))
            for source, base in found
        ]
    given = {os.path.realpath(path) for path in inputs}
    places = {os.path.realpath(path) for job in jobs for path in places_of(job, beside)}
    earlier = {
        source
        for source in (job.source for job in jobs)
        if os.path.realpath(source) in places - given and ours(source)
    }
    jobs = [job for job in jobs if job.source not in earlier]
    refuse_collisions(jobs, beside, report)
    return jobs


def places_of(job: Job, beside: Sequence[str]) -> list[Path]:
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


def list_pictures(folder: Path, recursive: bool = False) -> list[Path]:
    """Return the picture files of a folder by name, hidden ones left out."""
    return sorted(
        path
        for path in (folder.rglob("*") if recursive else folder.iterdir())
        if path.suffix.lower() in READ
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def matches(given: str | Path) -> list[Path]:
    """Return the path, or the files that it matches as a glob, in order: shells leave quoted ones alone."""
    path = Path(given)
    if path.exists() or not glob.has_magic(str(given)):
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(given), recursive=True))]
    if not found:
        raise PictureError(f"nothing matches {str(given)!r}")
    return [one for one in found if one.is_dir() or one.suffix.lower() in READ] or found


def braces_doubled(text: str) -> str:
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
        raise PictureError(f"{pattern!r} is no pattern: {error}") from None
    for name in fields - set(FIELDS):
        raise PictureError(unknown("field of the pattern", name, list(FIELDS)))
    values = {"scale": "", "network": "", **(facts or {}), "ext": ending[1:]}
    made = shortened(source.stem, lambda stem: pattern.format(**values, stem=stem))
    # Results stay in the folder that they were meant for.
    if made in ("", ".", "..") or {"/", "\\", "\0"} & set(made):
        raise PictureError(f"{pattern!r} makes {made!r} of {source}, which is no file name")
    if Path(made).suffix.lower() not in WRITTEN:
        raise PictureError(f"{pattern!r} makes {made!r} of {source}: end it with .{{ext}}, or with .png")
    return made


def beside_name(target: Path, kind: str) -> Path:
    """Return what is written beside a result: `a_x4.png` has `a_x4_compare.png` and `a_x4_map.png`."""
    return target.with_name(shortened(target.stem, lambda stem: f"{stem}_{kind}.png"))


def shortened(stem: str, name: Callable[[str], str]) -> str:
    """Return `name(stem)`, with as much of the stem as file systems take."""
    while len(os.fsencode(name(stem))) > LONGEST_NAME and stem:
        stem = stem[:-1]
    return name(stem)


def refuse_collisions(jobs: list[Job], beside: Sequence[str] = (), report: Path | None = None) -> None:
    """Refuse what would destroy a result, or a picture that is still to be read."""
    # Not Path.resolve, which takes a link that goes round in circles for the end of all.
    sources = {os.path.realpath(job.source) for job in jobs}
    written = [(job.target, str(job.source)) for job in jobs]
    written += [
        (beside_name(job.target, kind), f"the {kind} of {job.target}") for job in jobs for kind in beside
    ]
    if report and report.is_dir():
        raise PictureError(f"the report {report} is a folder: give it the name of a file")
    written += [(report, "the report")] if report else []
    taken: dict[str, str] = {}
    for path, maker in written:
        place = os.path.realpath(path)
        if place in sources:
            raise PictureError(
                f"{path} ({maker}) would overwrite an input picture: choose another output",
                hint="if it is of an earlier run, `resume=True` or `skip_existing=True` go on with that",
            )
        if place in taken:
            raise PictureError(
                f"{taken[place]} and {maker} would both become {path}: give each its own output"
            )
        taken[place] = maker
