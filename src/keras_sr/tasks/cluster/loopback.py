"""A cluster of Ray on this machine that nobody else can reach."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def start_here(**settings: Any) -> None:
    """Start Ray on this machine, and connect; all of its processes listen on loopback alone.

    Args:
        **settings: More for `ray.init`, such as `num_cpus`.
    """
    ray: Any = import_module("ray")
    own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    with _loopback_kept():
        ray.init(address="local", **own, **quiet, **settings)


@contextmanager
def _loopback_kept() -> Generator[None]:
    """Have Ray keep 127.0.0.1 where it is given.

    Ray makes it an address that others reach, and whatever has such an address listens on all of them; on
    Windows and macOS alone it does not, by a switch that the environment sets when Ray is first imported.
    That would be too late for whoever has imported it, and stay for whoever connects to a cluster later.
    """
    constants: Any = import_module("ray._private.ray_constants")
    before, constants.ENABLE_RAY_CLUSTER = constants.ENABLE_RAY_CLUSTER, False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before
