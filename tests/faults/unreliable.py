"""A way to a server on which answers are lost, come late, or stop coming."""

import http.client
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fate = Literal["pass", "refuse", "lose the answer", "hang", "answer nonsense"]


class Unreliable:
    """Passes requests on to a port of this machine, each as ``fate`` decides by its number and path."""

    def __init__(self, port: int):
        self.fate: Callable[[int, str], Fate] = lambda number, path: "pass"
        self.requests = 0
        self.delay = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, port))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def begin(self, fate: Callable[[int, str], Fate], delay: float = 0.0) -> None:
        """Count from the beginning, and let requests meet another fate."""
        self.fate, self.delay, self.requests = fate, delay, 0

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(way: Unreliable, port: int):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            """Say nothing."""

        def pass_on(self):
            way.requests += 1
            fate = way.fate(way.requests, self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(way.delay)
            if fate == "hang":
                time.sleep(20)
            if fate in ("refuse", "hang"):
                return
            server = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            server.request(self.command, self.path, body, headers)
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if fate == "lose the answer":
                return
            self.send_response(200 if fate == "answer nonsense" else answer.status)
            content = b"<html>welcome</html>" if fate == "answer nonsense" else content
            self.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - the names are given

    return Handler
