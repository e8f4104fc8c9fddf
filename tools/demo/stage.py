"""What the demo plays on: three mock providers, and the gateway that the dev overlay describes."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import threading
from collections import deque
from pathlib import Path

from providers.scripted import ProviderLoop, ScriptedProvider

REPOSITORY = Path(__file__).resolve().parents[2]
SNAPSHOT = REPOSITORY / "tools/snapshot/dev"

HOSTS = {"openai": "api.openai.com", "anthropic": "api.anthropic.com", "vllm": "vllm.models.example.com"}
"""The providers of the dev overlay, and the host of each."""

PROVIDER_KEYS = {name: f"provider-key-of-{name}" for name in HOSTS}
"""What the gateway's Secret would hold. No client knows these, and the providers see nothing else."""

TEAM_A = "sk-demo-team-a"
TINY = "sk-demo-tiny"
"""Keys of the dev overlay's tenants (istio/overlays/dev/auth-patch.yaml)."""

START_DEADLINE = 60.0
STOP_DEADLINE = 20.0


class Stage:
    def __init__(self, envoy: str, modules: str, listen: str, admin: str):
        self._envoy, self._modules, self._listen, self._admin = envoy, modules, listen, admin

    def __enter__(self) -> Stage:
        self._folder = tempfile.TemporaryDirectory(prefix="ai-gateway-demo-")
        self._loop = ProviderLoop()
        self.providers = {name: ScriptedProvider(name, self._loop) for name in HOSTS}
        for name, provider in self.providers.items():
            print(f"  mock provider {name:9} {provider.url}   plays {HOSTS[name]}")
        self._start_gateway()
        print(f"  gateway (Envoy)         http://{self.address}   admin http://{self.admin}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._gateway.poll() is None:
            self._gateway.terminate()
            try:
                self._gateway.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                self._gateway.kill()
                self._gateway.wait()
        self._reader.join(STOP_DEADLINE)
        self._loop.stop()
        self._folder.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def stay(self) -> None:
        """Prints commands to try, and waits for Ctrl-C."""
        print(COMMANDS.format(url=self.url, admin=f"http://{self.admin}", key=TEAM_A), flush=True)
        code = self._gateway.wait()
        raise SystemExit(f"Envoy stopped by itself with exit code {code}:\n" + "".join(self._last_lines))

    def _start_gateway(self) -> None:
        folder = Path(self._folder.name)
        env_file = folder / "gateway.env"
        env_file.write_text(f"AI_PROVIDER_KEYS={json.dumps(PROVIDER_KEYS, separators=(',', ':'))}\n"
                            f"AI_GATEWAY_STATE_KEY={base64.b64encode(secrets.token_bytes(32)).decode()}\n")
        upstreams = " ".join(f"{HOSTS[name]}={provider.url}" for name, provider in self.providers.items())
        command = [
            sys.executable, str(REPOSITORY / "tools/snapshot/run.py"),
            "--snapshot", str(SNAPSHOT),
            "--listen", self._listen,
            "--admin", self._admin,
            "--upstreams", upstreams,
            "--modules", self._modules,
            "--envoy", self._envoy,
            "--env-file", str(env_file),
        ]
        self._gateway = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                         env=os.environ, start_new_session=True)
        self._last_lines: deque[str] = deque(maxlen=30)
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._ready.wait(START_DEADLINE) or not hasattr(self, "address"):
            self._gateway.terminate()
            raise SystemExit("the gateway did not start:\n" + "".join(self._last_lines))

    def _read(self) -> None:
        for line in self._gateway.stdout:
            self._last_lines.append(line)
            if found := re.match(r"ready listen=(\S+) admin=(\S+)", line):
                self.address, self.admin = found[1], found[2]
                self._ready.set()
        self._ready.set()


COMMANDS = """
It is up. Ctrl-C stops all of it. To try, in another terminal:

  curl -s {url}/v1/chat/completions -H 'authorization: Bearer {key}' -H 'content-type: application/json' \\
    -d '{{"model":"gpt-4.1-mini","messages":[{{"role":"user","content":"Write to ann@example.com"}}]}}'

  curl -sN {url}/v1/chat/completions -H 'authorization: Bearer {key}' -H 'content-type: application/json' \\
    -d '{{"model":"claude-sonnet-4-6","stream":true,"messages":[{{"role":"user","content":"Hello"}}]}}'

  curl -s {url}/v1/models -H 'authorization: Bearer {key}'

  OPENAI_BASE_URL={url}/v1 OPENAI_API_KEY={key} your-own-program

  curl -s {admin}/stats/prometheus | grep ^ai_
"""
