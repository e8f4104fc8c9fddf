"""The upstream: nginx, one process, that answers every request with the same chat completion from memory."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import chat, packages, process

START_SECONDS = 10.0

_CONFIGURATION = """\
daemon off;
# One process to pin and to stop; a master has nothing to do here.
master_process off;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  # Never a new connection within a run.
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location / {{ return 200 '{answer}'; }}
  }}
}}
"""


@contextmanager
def serving(folder: Path, core: int) -> Iterator[str]:
    """nginx on a free port of loopback: its address."""
    folder.mkdir(parents=True)
    port = _free_port()
    answer = chat.answer().replace("\\", "\\\\")  # nginx reads one level of backslashes, and no $ or ' is in it
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(port=port, answer=answer))
    log = folder / "nginx.log"
    command = [packages.find("nginx"), "-p", folder, "-c", configuration, "-e", "stderr"]
    with log.open("wb") as stderr, process.running(command, {core}, stderr=stderr) as nginx:
        _wait(nginx, port, log)
        yield f"127.0.0.1:{port}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(nginx: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and nginx.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nginx doesn't serve:\n{log.read_text(errors='replace')[-2000:]}")
