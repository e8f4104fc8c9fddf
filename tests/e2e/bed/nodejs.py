"""What runs under Node: aimock, the outside mock, and the OpenAI SDK for Node."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
NODE_DEADLINE = 60.0


def node() -> str:
    found = shutil.which("node")
    if found is None:
        raise AssertionError("Node isn't installed: the tests need 20.15 or later")
    if not (HERE.parent / "node_modules" / "openai").is_dir():
        raise AssertionError("run `npm ci` in tests/ first")
    return found


class Aimock:
    """The outside mock, with the fixtures of `aimock/fixtures.json`."""

    def __init__(self) -> None:
        folder = HERE / "aimock"
        command = [node(), str(folder / "serve.mjs"), str(folder / "fixtures.json")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline().split()
        if line[:1] != ["ready"]:
            self.stop()
            raise AssertionError("aimock didn't start")
        self.url = line[1]

    def journal(self) -> list[dict]:
        """The requests that aimock has received, oldest first."""
        with urllib.request.urlopen(f"{self.url}/__aimock/journal", timeout=5) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def openai_for_node(base_url: str, api_key: str, call: str, **arguments: object) -> dict:
    """One call of the SDK for Node: `{"result": …}` or `{"error": …}`."""
    job = {"baseURL": base_url, "apiKey": api_key, "call": call, "arguments": arguments}
    done = subprocess.run([node(), str(HERE / "node" / "openai_client.mjs")], input=json.dumps(job),
                          capture_output=True, text=True, timeout=NODE_DEADLINE)
    if done.returncode != 0:
        raise AssertionError(f"the Node client failed:\n{done.stderr[-2000:].replace(api_key, '<credential>')}")
    return json.loads(done.stdout)
