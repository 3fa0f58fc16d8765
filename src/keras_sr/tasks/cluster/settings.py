"""Which cluster, and how much of it."""

from dataclasses import dataclass

from keras_sr.errors import KerasSRError


@dataclass(frozen=True)
class Cluster:
    """A cluster of Ray.

    Attributes:
        address: Such as `"10.0.0.1:6379"`; `"auto"` for the one that runs on this machine; `"local"` for one
            of this machine alone, which is made and ended with the batch. Ray that is connected is taken as
            it is.
        threads: Of a worker, which Ray keeps free for it.
        workers: How many there are at least and at most; None for as many as fit.
    """

    address: str = "local"
    threads: int = 1
    workers: tuple[int, int | None] = (1, None)

    def __post_init__(self) -> None:
        least, most = self.workers
        if self.threads < 1 or least < 1 or (most is not None and most < least):
            raise KerasSRError(
                f"expected at least one thread, and workers from 1 up, got {self.threads} and {self.workers}"
            )


def as_cluster(given: "Cluster | str | bool | None", threads: int | None = None) -> Cluster | None:
    """Return a cluster from what people write: an address, or True for one of this machine.

    Examples:
        >>> as_cluster("10.0.0.1:6379").address, as_cluster(True).address, as_cluster(None)
        ('10.0.0.1:6379', 'local', None)
    """
    if given is None or given is False or isinstance(given, Cluster):
        return given or None
    return Cluster("local" if given is True else given, threads or 1)
