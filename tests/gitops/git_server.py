"""A Git server on loopback, as the bank's is: Git's own program behind HTTP, with one user who may clone and one who may push."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GIT_SECONDS = 60


class GitServer:
    def __init__(self, root: Path, readers: dict[str, str], writers: dict[str, str]):
        self.root, self.readers, self.writers = root, {**readers, **writers}, writers
        self.public = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"git": self}))
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    git: GitServer

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_GET

    def _answer(self) -> None:
        path, _, query = self.path.partition("?")
        writes = "git-receive-pack" in self.path
        wanted = self.git.writers if writes else self.git.readers
        user, _, password = base64.b64decode(self.headers.get("authorization", "").removeprefix("Basic ")).decode().partition(":")
        if (writes or not self.git.public) and (not user or wanted.get(user) != password):
            self.send_response(403 if user in self.git.readers else 401)
            self.send_header("www-authenticate", 'Basic realm="git"')
            self.send_header("content-length", "0")
            self.end_headers()
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("transfer-encoding") == "chunked":
            body = self._chunks()
        answer = subprocess.run(["git", "http-backend"], input=body, capture_output=True, timeout=GIT_SECONDS, env={
            "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.git.root), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": user,
            "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("content-type", ""), "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", "")}).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _chunks(self) -> bytes:
        read = b""
        while size := int(self.rfile.readline(), 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return read

    def log_message(self, *_: object) -> None:
        pass
