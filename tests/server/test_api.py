"""The API's own description, tried out by a machine; and the ten examples of its page, run as they stand."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from serving import command, encoded, photograph

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-api.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(served, tmp_path, monkeypatch):
    """A folder with the pictures that the page speaks of, and its token."""
    (tmp_path / "cat.jpg").write_bytes(encoded(photograph(), ".jpg"))
    (tmp_path / "photos").mkdir()
    for i in range(3):
        (tmp_path / "photos" / f"{i}.png").write_bytes(encoded(photograph(seed=i)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_SR_TOKEN", served.token)
    return tmp_path


def test_the_ten_examples_of_the_page_do_what_it_says(served, desk):
    found = blocks("bash")
    assert len(found) == 10
    script = "\n".join(f"{block}\necho; echo '--- next'" for block in found)
    script = "set -euo pipefail\n" + script.replace("http://127.0.0.1:8765", served.url)
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    one, networks, job, state, events, fetched, again, gone, batch, watched, _ = ran.stdout.split(
        "--- next\n"
    )
    assert (
        Path("cat_x4.jpg").read_bytes()
        == command(desk / "photos", "cat.jpg", Path("cat.jpg").read_bytes(), "-n", "compact_x4")[1]
    )
    assert [known["name"] for known in json.loads(networks)["purposes"]] == [
        "photograph",
        "clean",
        "exact",
        "fast",
    ]
    assert json.loads(state)["id"] == job.strip()
    assert '"state":"done"' in [line for line in events.splitlines() if line.startswith("data:")][-1]
    assert Path("cat_x2.jpg").is_file()
    assert json.loads(again)["options"]["width"] == 300
    assert json.loads(gone)["state"] in ("queued", "running", "done", "cancelled")
    assert zipfile.ZipFile("photos.zip").namelist() == [f"photos/{i}_x4.png" for i in range(3)]
    assert "keras_sr_jobs_total" in watched
    assert json.JSONDecoder().raw_decode(watched)[0]["status"] == "ok"
    assert (one.strip(), fetched.strip(), batch.strip()) == ("", "", "")


def test_the_example_in_python_gives_the_same_file(served, desk):
    (code,) = blocks("py")
    subprocess.run([sys.executable, "-c", code.replace("http://127.0.0.1:8765", served.url)], check=True)
    made = command(desk / "photos", "cat.jpg", Path("cat.jpg").read_bytes(), "-n", "compact_x4")[1]
    assert Path("cat_from_python.jpg").read_bytes() == made


def test_the_description_names_every_route_and_every_refusal(served):
    described = served.client.get("/openapi.json").json()
    for path, methods in described["paths"].items():
        for method, one in methods.items():
            assert one.get("description"), f"{method} {path}"
            if path != "/healthz":
                assert {"401", "403", "421"} <= set(one["responses"]), f"{method} {path}"
    assert "url" not in json.dumps(sorted(described["components"]["schemas"]["Options"]["properties"]))


def test_no_request_that_the_description_allows_or_forbids_breaks_the_server(served, tmp_path):
    pytest.importorskip("schemathesis")
    description = tmp_path / "openapi.json"
    described = served.client.get("/openapi.json").json()
    # Streams that never end by themselves are tested elsewhere.
    described["paths"] = {
        path: one for path, one in described["paths"].items() if not path.endswith("/events")
    }
    description.write_text(json.dumps(described))
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(description), "--url", served.url),
            *("--header", f"Authorization: Bearer {served.token}", "--checks", "not_a_server_error"),
            *("--max-examples", "15", "--seed", "1", "--no-color", "--request-timeout", "30"),
            *("--generation-database", "none"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    assert served.stranger.get("/healthz").status_code == 200
    assert "Traceback" not in "".join(served.lines)
