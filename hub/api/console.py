"""Serves the built console: hashed assets for ever, index.html fresh, every other path of the app as index.html."""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_FOREVER: Final = "public, max-age=31536000, immutable"
_FRESH: Final = "no-cache"
_COMPRESSIBLE: Final = ("text/", "application/javascript", "application/json", "application/manifest", "image/svg")
_SMALLEST_BYTES: Final = 1000
_NOT_BUILT: Final = """<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><title>Campus Hub</title></head>
<body><h1>控制台尚未构建</h1>
<p>中枢正在运行，但没有找到控制台的文件。请重新安装本软件包，或在源代码目录运行 <code>make console</code>。</p>
<h1 lang="en">The console is not built</h1>
<p lang="en">The hub is running, but the console's files are missing. Install the package again, or run
<code>make console</code> in the source folder.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class _File:
    changed_ns: int
    body: bytes
    zipped: bytes
    """Empty: not worth it."""
    tag: str
    media_type: str


class Console:
    """Files of the console's folder, read and compressed once and again when they change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Path, _File] = {}

    def answer(self, request: Request) -> Response:
        """Answer a path that is none of the API's. Blocking: reads a file."""
        path = request.path_params.get("path", "")
        wanted = (self._folder / path).resolve()
        inside = wanted.is_relative_to(self._folder.resolve())
        if path and inside and wanted.is_file():
            return self._file(request, wanted, _FOREVER if path.startswith("assets/") else _FRESH)
        if path.startswith("assets/") or "." in path.rpartition("/")[2]:
            return Response("not found", 404, media_type="text/plain")
        index = self._folder / "index.html"
        if not index.is_file():
            return Response(_NOT_BUILT, 503, media_type="text/html", headers={"Cache-Control": "no-store"})
        return self._file(request, index, _FRESH)

    def _file(self, request: Request, path: Path, caching: str) -> Response:
        file = self._loaded(path)
        headers = {"Cache-Control": caching, "ETag": file.tag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == file.tag:
            return Response(status_code=304, headers=headers)
        if file.zipped and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.zipped, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"})
        return Response(file.body, media_type=file.media_type, headers=headers)

    def _loaded(self, path: Path) -> _File:
        changed_ns = path.stat().st_mtime_ns
        file = self._files.get(path)
        if file is None or file.changed_ns != changed_ns:
            body = path.read_bytes()
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            if path.suffix in (".js", ".mjs"):
                media_type = "text/javascript"  # what some systems' tables say keeps modules from loading
            worth = len(body) >= _SMALLEST_BYTES and media_type.startswith(_COMPRESSIBLE)
            zipped = gzip.compress(body, 6, mtime=0) if worth else b""
            tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            file = self._files[path] = _File(changed_ns, body, zipped, tag, media_type)
        return file
