"""The CustomResourceDefinitions that the API server needs, out of the Go modules that crds.json pins.

    python -m plane.crds .build/crds

Each module is downloaded as a whole by `go mod download`, its checksum is
compared with the pinned one, and only its CRD files are kept. Nothing of it
is compiled, so what a module itself requires doesn't matter.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).resolve().parents[1] / "crds.json"
DOWNLOAD_SECONDS = 300


def main() -> None:
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for pin in json.loads(PINS.read_text()):
        copy(pin["module"], pin["sum"], pin["files"], folder)


def copy(module: str, checksum: str, patterns: list[str], folder: Path) -> None:
    source = downloaded(module, checksum)
    for pattern in patterns:
        files = sorted(source.glob(pattern))
        if not files:
            raise SystemExit(f"{module} has no file {pattern}")
        for file in files:
            if b"kind: CustomResourceDefinition" in file.read_bytes():
                name = module.split("@")[0].replace("/", "-")
                (folder / f"{name}-{file.name}").write_bytes(file.read_bytes())


def downloaded(module: str, checksum: str) -> Path:
    # The pinned checksum takes the place of a go.sum and of the checksum database. An empty folder, so
    # that no go.mod has a say.
    environment = {**os.environ, "GONOSUMDB": "*", "GOFLAGS": "-mod=mod", "GO111MODULE": "on"}
    done = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True,
                          env=environment, cwd="/", timeout=DOWNLOAD_SECONDS)
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{module}: {done.stderr}") from None
    if "Error" in told:
        raise SystemExit(f"{module}: {told['Error']}")
    if told["Sum"] != checksum:
        raise SystemExit(f"{module}: its checksum is {told['Sum']}, pinned is {checksum}")
    return Path(told["Dir"])


if __name__ == "__main__":
    main()
