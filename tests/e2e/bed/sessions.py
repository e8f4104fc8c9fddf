"""What OpenShift's oauth-proxy does with a check of Envoy's ext_authz, as far as the gateway sees it.

A stand-in: the program itself can't be had from a package registry, so what
is tested here is the gateway's side. Its ways are those that the program
showed when it was run by hand with the Deployment's arguments: a session's
cookie and a path that its upstream has are 200 and the person's name, any
other path 404; `/oauth/start` redirects and sets a cookie; everything else
without a session is 403 and a page.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from .gateway import REPOSITORY

COOKIE = "__Secure-ai-gateway=a-session-of-ann"
PERSON = "ann"


class SessionCheck:
    def __init__(self):
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._connections: list[socket.socket] = []
        paths, asked, connections = _upstream_paths(), self.requests, self._connections

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                connections.append(self.request)
                super().setup()

            def _answer(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.append((self.command, self.path, headers))
                path = self.path.partition("?")[0]
                if path == "/oauth/start":
                    return self._say(302, location="https://oauth.example.com/authorize?client_id=x",
                                     set_cookie="__Secure-ai-gateway_csrf=n; Path=/; Secure; HttpOnly")
                if COOKIE not in headers.get("cookie", ""):
                    return self._say(403, b"<html>Sign in</html>", content_type="text/html")
                return self._say(200 if path in paths else 404, x_auth_request_user=PERSON, gap_auth=PERSON)

            do_GET = do_POST = do_OPTIONS = do_PUT = do_DELETE = _answer

            def _say(self, status: int, body: bytes = b"", **headers: str):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """It is gone, and so are its open connections."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _upstream_paths() -> set[str]:
    """The files that the Deployment mounts for the program's upstream, below the path that its argument names."""
    deployment = yaml.safe_load((REPOSITORY / "istio/components/oauth2/deployment.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    upstream = next(a for a in pod["containers"][0]["args"] if a.startswith("--upstream=file://"))
    below = upstream.partition("#")[2]
    mounted = next(v for v in pod["volumes"] if v["name"] == "endpoints")
    return {below + item["path"] for item in mounted["configMap"]["items"]}
