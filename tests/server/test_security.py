"""Every promise about who may ask for what: first as rules, then tried over a socket."""

import socket
import stat
from pathlib import Path

import pytest
from serving import Served

from keras_sr.errors import KerasSRError
from keras_sr.server.names import clean_folder, clean_name, content_disposition
from keras_sr.server.security import Access, refusal
from keras_sr.server.settings import Settings

TOKEN = "a-token-for-the-tests"
LOCAL = Access.of(Settings(), TOKEN, 8765)
OPEN = Access.of(Settings(host="0.0.0.0", token=TOKEN, allow_hosts=("photos.example.org",)), TOKEN, 8765)
HERE = "127.0.0.1:8765"


def refused(access, method="GET", path="/v1/networks", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    found = refusal(access, method, path, raw)
    return found.status if found else None


# What other local servers fell for: DNS rebinding, requests across origins, methods that were forgotten.
ATTACKS = {
    "rebinding: a name of the attacker that leads here": (421, {"host": "evil.example"}),
    "rebinding with our port": (421, {"host": "evil.example:8765"}),
    "rebinding with our address as a subdomain": (421, {"host": "127.0.0.1.evil.example:8765"}),
    "rebinding with a user name that looks like us": (421, {"host": "127.0.0.1@evil.example"}),
    "no host": (421, {}),
    "another address of this network": (421, {"host": "192.168.1.5:8765"}),
    "a page of elsewhere posts": (403, {"host": HERE, "origin": "https://evil.example"}),
    "a page of another port posts": (403, {"host": HERE, "origin": "http://127.0.0.1:3000"}),
    "a file on the disk posts": (403, {"host": HERE, "origin": "null"}),
    "an origin that only begins like ours": (403, {"host": HERE, "origin": f"http://{HERE}.evil.example"}),
    "an origin with our address inside": (
        403,
        {"host": HERE, "origin": f"http://evil.example/http://{HERE}"},
    ),
    "a browser that hides the origin": (403, {"host": HERE, "sec_fetch_site": "cross-site"}),
    "a neighbour on the same site": (
        403,
        {"host": HERE, "origin": f"http://{HERE}", "sec_fetch_site": "same-site"},
    ),
    "nobody knows who": (403, {"host": HERE}),
    "a wrong token": (401, {"host": HERE, "authorization": "Bearer wrong"}),
    "a wrong token from our own page": (
        401,
        {"host": HERE, "origin": f"http://{HERE}", "authorization": "Bearer x"},
    ),
}


@pytest.mark.parametrize(("status", "headers"), ATTACKS.values(), ids=ATTACKS)
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "OPTIONS", "PROPFIND"])
def test_what_changes_anything_is_refused_to_strangers(method, status, headers):
    assert refused(LOCAL, method, "/v1/jobs", **headers) == status


def test_our_own_page_and_whoever_knows_the_token_are_served():
    for access, host in ((LOCAL, HERE), (OPEN, "192.168.1.5:8765"), (OPEN, "photos.example.org")):
        cookie = f"{access.cookie}={access.session()}"
        for scheme in ("http", "https"):
            own = {
                "host": host,
                "origin": f"{scheme}://{host}",
                "sec_fetch_site": "same-origin",
                "cookie": cookie,
            }
            assert refused(access, "POST", "/v1/jobs", **own) is None
        assert refused(access, "POST", "/v1/jobs", host=host, authorization=f"Bearer {TOKEN}") is None
    for host in ("localhost:8765", "127.0.0.1:8765", "[::1]:8765", "LOCALHOST"):
        assert refused(LOCAL, host=host) is None


def test_looking_is_refused_to_other_pages():
    assert refused(LOCAL, host=HERE, sec_fetch_site="cross-site") == 403
    assert refused(LOCAL, host=HERE, origin="https://evil.example") == 403
    assert refused(LOCAL, path="/", host=HERE, sec_fetch_site="cross-site") is None  # a link to the page


def test_with_a_token_nothing_but_the_empty_page_is_shown_without_it():
    host = "192.168.1.5:8765"
    for path in ("/v1/networks", "/metrics", "/openapi.json", "/v1/jobs/x/result"):
        assert refused(OPEN, path=path, host=host) == 401
        assert refused(OPEN, path=path, host=host, cookie=f"{OPEN.cookie}=guess") == 401
        assert refused(OPEN, path=path, host=host, cookie=f"{OPEN.cookie}={TOKEN}") == 401
        assert refused(OPEN, path=path, host=host, cookie=f"{OPEN.cookie}={OPEN.session()}") is None
    for path in ("/", "/assets/app.js", "/healthz"):
        assert refused(OPEN, path=path, host=host) is None
    assert refused(OPEN, path="/", host="evil.example") == 421


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
@pytest.mark.parametrize("token", ["", "short", "fifteen letters"])
def test_another_address_needs_a_token_that_cannot_be_guessed(host, token):
    with pytest.raises(KerasSRError, match="at least 16"):
        Settings(host=host, token=token)


def test_the_command_refuses_another_address_without_a_token():
    with pytest.raises(RuntimeError, match="can be reached by others"):
        Served("--host", "0.0.0.0")


def test_it_listens_at_this_machine_alone(served):
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = {words[1].split(":")[0] for words in listening if int(words[1].split(":")[1], 16) == served.port}
    assert local == {"0100007F"}


def test_another_name_than_its_own_is_refused_over_the_socket_too(served):
    for name, status in (("evil.example", 421), (f"localhost:{served.port}", 200)):
        answer = served.stranger.get("/v1/networks", headers={"Host": name})
        assert answer.status_code == status
    assert served.stranger.post("/v1/batches").status_code == 403
    assert served.stranger.delete("/v1/jobs/aaaaaaaaaaaaaaaaaaaaaa").status_code == 403
    own = {"Origin": served.url}
    assert served.stranger.post("/v1/batches", headers=own).status_code == 201


def test_a_websocket_is_refused(served):
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version": "13",
    }
    assert served.stranger.get("/v1/jobs", headers=upgrade).status_code in (403, 404, 405)


def test_no_answer_lets_other_pages_read_it_and_all_have_the_strict_headers(served, png):
    paths = ["/", "/assets/app.js", "/healthz", "/v1/networks", "/nowhere", "/metrics", "/openapi.json"]
    paths.append(f"/v1/jobs/{served.wait(served.job(png))['id']}/result")
    for path in paths:
        headers = served.client.get(path, headers={"Origin": served.url}).headers
        assert not [name for name in headers if name.startswith("access-control-")], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "server" not in headers, path
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = served.stranger.options("/v1/jobs", headers=preflight)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_the_page_refers_to_no_other_host():
    import re

    page = Path(__file__).parents[2] / "src" / "keras_sr" / "server" / "page"
    for path in page.iterdir():
        found = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", path.read_text("utf-8")))
        assert found <= {"http://www.w3.org"}, path


def test_no_address_is_ever_fetched_for_a_client(served, png):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(1)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/cat.png"
        for form in ({"file": url}, {"url": url}, {"file": url, "url": url}):
            assert served.client.post("/v1/jobs", data=form).status_code == 422
        svg = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>'.encode()
        assert served.post(svg, "cat.svg").status_code == 415
        assert served.post(png, url, network=url).status_code == 422
        assert served.post(png, url).status_code == 202
        with pytest.raises(TimeoutError):
            trap.accept()


NAMES = [
    "../../../../etc/passwd",
    "..\\..\\win.ini",
    "/etc/shadow",
    "a\r\nSet-Cookie: x=1.png",
    'a";x="b.png',
    "\u202egnp.exe",
    "",
    ".",
    "..",
    "con?.png",
    "%2e%2e%2fcat.png",
    "\U0001f408" * 300 + ".png",
    "a" * 300 + ".jpg",
    "\x00.png",
    "<script>alert(1)</script>.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_never_part_of_a_path_and_never_breaks_a_header(name):
    clean = clean_name(name)
    assert clean == Path(clean).name
    assert clean not in ("", ".", "..")
    assert len(clean.encode()) <= 200
    header = content_disposition(clean)
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
    assert not {"..", ""} & set(clean_folder(name + "/x").split("/"))


@pytest.mark.parametrize("name", [name for name in NAMES if name])
def test_such_names_leave_a_server_as_it_was(served, png, name):
    answer = served.post(png, name)
    assert answer.status_code in (202, 400, 422), answer.text
    if answer.status_code == 202:
        job = served.wait(answer.json()["id"])
        assert job["state"] == "done"
        result = served.client.get(f"/v1/jobs/{job['id']}/result")
        assert "set-cookie" not in result.headers
        assert result.headers["content-disposition"].startswith("attachment;")
    assert not Path("/etc/passwd_x4.png").exists()


def test_ids_are_random_and_those_of_others_cannot_be_listed(served, png):
    ids = {served.client.post("/v1/batches").json()["id"] for _ in range(50)}
    assert len(ids) == 50
    assert all(len(one) == 22 for one in ids)
    for path in ("/v1/jobs", "/v1/batches"):
        assert served.client.get(path).status_code == 405
    for path in (
        "/v1/jobs/..%2f..%2fetc",
        "/v1/jobs/" + "a" * 22,
        "/assets/..%2fapp.py",
        "/assets/../run.py",
    ):
        assert served.client.get(path).status_code in (404, 422)


def test_tiles_and_views_lead_nowhere_else(served, png):
    job = served.wait(served.job(png))["id"]
    served.client.get(f"/v1/jobs/{job}/view")
    for tail in (
        "before/0/../../source",
        "..%2f/0/0_0.png",
        "before/0/0_0.png%00",
        "before/-1/0_0.png",
        "x/0/0_0.png",
    ):
        assert served.client.get(f"/v1/jobs/{job}/view/{tail}").status_code in (404, 422), tail


def test_temporary_files_are_private(start_server, tmp_path, png):
    served = start_server()
    served.wait(served.job(png))
    (folder,) = (tmp_path / "served").glob("keras-sr-serve-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        if path.is_dir() and path.parent == folder:
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert served.stop() == 0
    assert not list((tmp_path / "served").iterdir())


def test_a_refusal_arrives_while_its_client_still_sends(served):
    length = 4 << 20
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\nContent-Length: {length}\r\n\r\n"
        connection.sendall(head.encode())
        connection.recv(1, socket.MSG_PEEK)
        # The refusal is here; a client that looks for it only when it has sent everything still gets it.
        for _ in range(16):
            connection.sendall(bytes(length // 16))
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"Authorization: Bearer TOKEN" in answer


def test_a_page_that_knows_the_token_gets_a_cookie_that_scripts_cannot_read(start_server):
    served = start_server(token=TOKEN)
    own = {"Origin": served.url}
    assert served.stranger.get("/v1/networks").status_code == 401
    assert served.stranger.post("/login", data={"token": "guess"}, headers=own).status_code == 401
    assert served.stranger.post("/login", data={"token": TOKEN}).status_code == 403
    answer = served.stranger.post("/login", data={"token": TOKEN}, headers=own)
    assert answer.status_code == 303
    assert all(word in answer.headers["set-cookie"] for word in ("HttpOnly", "SameSite=strict"))
    assert TOKEN not in answer.headers["set-cookie"]
    assert served.stranger.get("/v1/networks").status_code == 200
    assert served.stranger.post("/v1/batches", headers=own).status_code == 201
    assert served.stranger.post("/v1/batches").status_code == 403
