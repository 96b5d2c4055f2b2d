"""Serial ports that are none: a pseudo-terminal behind a link at a path of our choice."""

import os
import tty
from contextlib import suppress
from pathlib import Path


class Pty:
    """The gateway opens the link at `path`; we hold the other end, `near`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.near: int | None = None
        self._far = -1

    def plug(self) -> int:
        """Make the device appear; return our end (non-blocking)."""
        if self.near is None:
            self.near, self._far = os.openpty()
            tty.setraw(self._far)
            os.set_blocking(self.near, False)
            self.path.unlink(missing_ok=True)
            self.path.symlink_to(os.ttyname(self._far))
        return self.near

    def pull(self) -> None:
        """Make the device vanish, as an unplugged adapter does."""
        if self.near is not None:
            near, self.near = self.near, None
            self.path.unlink(missing_ok=True)
            os.close(near)
            os.close(self._far)

    def write(self, content: bytes) -> None:
        """Put bytes on the wire; when it is full (nobody reads) or unplugged they are gone."""
        if self.near is not None:
            with suppress(BlockingIOError):
                os.write(self.near, content)
