"""`keras-sr serve`: a page in the browser, and an API."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from keras_sr.cli.say import say
from keras_sr.errors import KerasSRError, install_hint

#: What the extra `web` brings.
_NEEDED = ("fastapi", "uvicorn", "python_multipart")


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but 127.0.0.1 needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", "-p", help="Port; 0 takes a free one.", min=0, max=65535)
    ] = 8765,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    token: Annotated[
        str,
        typer.Option(
            envvar="KERAS_SR_TOKEN",
            help="Token that the API asks for, and the page, too, if you give one (default: a random one).",
        ),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Name that the server is reached by, such as photos.example.org; may be repeated.",
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder for temporary files; they go into a private folder in it.")
    ] = None,
    keep: Annotated[float, typer.Option(help="Minutes to keep a result that nobody asks for.", min=1)] = 60,
    queue: Annotated[int, typer.Option(help="Number of pictures that may wait.", min=1)] = 100,
    max_upload: Annotated[int, typer.Option(help="Largest file of a picture, in megabytes.", min=1)] = 200,
    max_megapixels: Annotated[
        float, typer.Option(help="Largest picture, in million pixels.", min=0.001)
    ] = 100,
    max_storage: Annotated[
        float, typer.Option(help="Gigabytes that all pictures and results may take.", min=0.001)
    ] = 20,
    max_memory: Annotated[
        int | None, typer.Option(help="Megabytes to compute in (default: a quarter of what is free).", min=1)
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with.", min=1)] = None,
) -> None:
    """Enlarge pictures in the browser, on this machine.

    \b
    For yourself:
        keras-sr serve --open
    For the phone and everybody at home, who then need the token:
        KERAS_SR_TOKEN=choose-a-long-one keras-sr serve --host 0.0.0.0

    Pictures never leave this machine, and are deleted when the server stops. The address and the
    token are printed on stderr. The API is described at /openapi.json and in the documentation.
    """  # noqa: D301  (typer: keep these line breaks)
    missing = [name for name in _NEEDED if not find_spec(name)]
    if missing:
        raise KerasSRError(f"the page needs {', '.join(missing)}: {install_hint('web')}")
    from keras_sr.server.run import serve as run
    from keras_sr.server.settings import Limits, Settings

    limits = Limits(
        upload_bytes=max_upload << 20,
        pixels=int(max_megapixels * 1e6),
        # As many as a picture of that many pixels becomes at x4, within reason.
        result_pixels=int(min(max_megapixels * 1e6 * 16, 1e9)),
        queue=queue,
        storage_bytes=int(max_storage * 2**30),
        keep_seconds=keep * 60,
    )
    settings = Settings(host, port, token, tuple(allow_host or ()), folder, limits, max_memory, threads)
    run(settings, say, open_browser=open_browser)
