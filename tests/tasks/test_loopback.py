"""Who can reach the cluster that a batch makes for itself: this machine, by what its sockets listen to."""

import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ray_workers import is_ours

import keras_sr

_LISTEN = "0A"


def as_address(text):
    """Return an address from /proc/net: words of four bytes, in the order of the machine."""
    raw = bytes.fromhex(text)
    words = [raw[k : k + 4] for k in range(0, len(raw), 4)]
    address = ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words))
    return getattr(address, "ipv4_mapped", None) or address


def listening():
    """Return the addresses that processes of ours listen to, each with the name of its process."""
    by_inode = {}
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == _LISTEN:
                    by_inode[f"socket:[{inode}]"] = as_address(local.partition(":")[0])
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if is_ours(int(process.name)):
                links = [str(one.readlink()) for one in (process / "fd").iterdir()]
                name = (process / "comm").read_text().strip()
                found += [(name, by_inode[link]) for link in links if link in by_inode]
    return found


def test_addresses_are_read_as_the_kernel_writes_them():
    if sys.byteorder == "big":
        pytest.skip("the examples are those of a little-endian machine")
    assert str(as_address("0100007F")) == "127.0.0.1"
    assert str(as_address("00000000")) == "0.0.0.0"
    assert str(as_address("0000000000000000FFFF00000100007F")) == "127.0.0.1"
    assert str(as_address("0" * 32)) == "::"
    assert str(as_address("00000000000000000000000001000000")) == "::1"


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_cluster_of_ones_own_listens_to_this_machine_alone(network_file, tmp_path):
    ray = pytest.importorskip("ray", reason="Ray is not installed (extra ray)")
    if not Path("/proc/net/tcp").exists():
        pytest.skip("reads /proc")
    # Imported before, as in a notebook: a switch that Ray reads when it is imported would come too late.
    assert not ray.is_initialized()
    (tmp_path / "in").mkdir()
    for k in range(3):
        Image.fromarray(np.full((20, 20, 3), 50 * k, np.uint8)).save(tmp_path / "in" / f"{k}.png")
    network = keras_sr.open_network(network_file, engine="openvino", precision="f32", threads=1)
    seen = []
    how = {"cluster": True, "progress": lambda part: seen.extend(listening())}
    rows = keras_sr.upscale_files(tmp_path / "in", tmp_path / "out", network, **how)
    assert [row.status for row in rows] == ["done"] * 3
    assert not ray.is_initialized()
    assert {"gcs_server", "raylet"} <= {name for name, _ in seen}
    assert [(name, str(address)) for name, address in seen if not address.is_loopback] == []
    # A cluster elsewhere is still reached from an address that it can answer.
    assert ray._private.ray_constants.ENABLE_RAY_CLUSTER
