"""The container file: built elsewhere, but what it starts and how it looks after itself is tried here."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from serving import Served

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def words(instruction):
    """Return the words of the last such instruction, which is written as JSON."""
    return json.loads(re.findall(rf"{instruction}[^\[]*(\[.*\])", DOCKERFILE)[-1])


def test_it_runs_as_nobody_in_particular_and_writes_to_one_folder():
    assert re.findall(r"^USER (.+)", DOCKERFILE, re.MULTILINE) == ["keras-sr"]
    assert re.findall(r"^VOLUME (.+)", DOCKERFILE, re.MULTILINE) == ["/data"]
    assert DOCKERFILE.index("USER keras-sr") < DOCKERFILE.index("ENTRYPOINT")
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["keras-sr"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert [volume.partition(":")[2] for volume in service["volumes"]] == ["/data"]


def test_its_build_takes_what_it_copies_and_nothing_else():
    taken = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line.startswith("!")}
    copied = {
        name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE) for name in line.split()
    }
    assert copied == taken
    assert all((ROOT / name).exists() for name in copied)


def test_it_does_not_start_without_a_token():
    program, *options = words("ENTRYPOINT")
    assert program == "keras-sr"
    command = [sys.executable, "-m", "keras_sr", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "token" in ended.stderr


def test_what_it_starts_answers_its_health_check(tmp_path, request):
    command, *options = words("ENTRYPOINT")[1:]
    assert command == "serve"
    changed = {"/data": str(tmp_path), "8765": "0"}
    served = Served(*(changed.get(word, word) for word in options), token="a-token-for-the-tests")
    request.addfinalizer(served.stop)
    program, *check = words("HEALTHCHECK")
    assert program == "python"
    check = [word.replace(":8765", f":{served.port}") for word in check]
    assert subprocess.run([sys.executable, *check], check=False).returncode == 0
    served.stop()
    assert subprocess.run([sys.executable, *check], capture_output=True, check=False).returncode != 0
    assert not list(tmp_path.iterdir())
