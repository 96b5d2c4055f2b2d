"""Small files of the gateway's folder: written whole or not at all, readable by their owner only."""

import os
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

T = TypeVar("T")
_log = structlog.get_logger()


def make_folder(folder: Path) -> None:
    """Make the gateway's folder, for its owner only (0700)."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Put content in place of a file (0600) so that a power cut leaves the old one or the new one. Blocks."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_json(path: Path, kind: type[T]) -> T | None:
    """Return what `write_private` kept as JSON; None when there is none. What cannot be read is logged and left."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        _log.error("file_unreadable", file=path.name, why=str(error))
        return None
