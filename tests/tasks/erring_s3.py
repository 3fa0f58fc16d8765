"""moto's S3 on loopback, which errs as stores do: 503, connections that end half-way, reads that stall."""

import random
import threading
import time
import urllib.request
from collections import Counter

BUSY = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
)


class Erring:
    """A WSGI application around another one.

    Args:
        app: The store.
        share: Of the requests for objects that go wrong.
        seed: Decides which.
    """

    def __init__(self, app, share=0.0, seed=0):
        self.app, self.share, self.rng, self.erred = app, share, random.Random(seed), Counter()
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        with self.lock:
            what = self.rng.choice(["busy", "reset", "stall"]) if self.rng.random() < self.share else ""
        body = (
            self.app(environ, start_response if what != "busy" else lambda *_: None) if what != "busy" else ()
        )
        if what:
            self.erred[what] += 1
        if what == "busy":
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(
                "503 Slow Down", [("Content-Type", "text/xml"), ("Content-Length", str(len(BUSY)))]
            )
            return [BUSY]
        return self.halved(body, what) if what else body

    def halved(self, body, what):
        whole = b"".join(body)
        yield whole[: len(whole) // 2]
        if what == "reset":
            raise ConnectionResetError("as it was wanted")
        time.sleep(1.5)
        yield whole[len(whole) // 2 :]


class Server:
    """A store that errs, on a free port of loopback."""

    def __init__(self):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            protocol_version = "HTTP/1.1"

            def log(self, *arguments):
                pass

        self.app = Erring(DomainDispatcherApplication(create_backend_app))
        self.server = make_server("127.0.0.1", 0, self.app, threaded=True, request_handler=Quiet)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        # moto keeps its buckets for the whole process.
        urllib.request.urlopen(f"{self.address}/moto-api/reset", data=b"", timeout=30).close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
