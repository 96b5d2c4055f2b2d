"""Child processes of a demonstration: started, watched, started again, ended by their own pid."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
import structlog

END_S: Final = 6.0
_log = structlog.get_logger()


class Child:
    """One of our processes. Its output goes to a log file in the run's folder."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.wanted = False
        self.restarts = 0
        self._arguments = [sys.executable, "-m", *arguments]
        self._log = log
        self._env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **(env or {})}
        self._process: asyncio.subprocess.Process | None = None
        self._spent_s = 0.0
        self.peak_mb = 0.0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, env=self._env,
                start_new_session=True)
        self.wanted = True

    def measure(self) -> None:
        """Note CPU time and memory of the process and its children."""
        if not self.alive or self._process is None:
            return
        try:
            process = psutil.Process(self._process.pid)
            family = [process, *process.children(recursive=True)]
            self._spent_s = sum(sum(member.cpu_times()[:2]) for member in family)
            self.peak_mb = max(self.peak_mb, sum(member.memory_info().rss for member in family) / 1e6)
        except psutil.NoSuchProcess:
            return

    @property
    def cpu_s(self) -> float:
        return self._spent_s

    async def end(self, *, kill: bool = False) -> None:
        """End the process: asked first, killed when it does not."""
        self.wanted = False
        process = self._process
        if process is None or process.returncode is not None:
            return
        self.measure()
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), END_S)
        except TimeoutError:
            _log.warning("killed", process=self.name)
            process.kill()
            await process.wait()

    def tail(self, lines: int = 12) -> str:
        """Return the end of its log."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])
