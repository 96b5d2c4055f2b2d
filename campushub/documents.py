"""The generated documents in docs/: a test fails when they differ from the code."""

import json
from pathlib import Path

import yaml

from contract.describe import asyncapi, schemas
from hub.api.app import openapi


def documents() -> dict[str, str]:
    """Return every generated document, by file name."""
    return {
        "asyncapi.yaml": yaml.safe_dump(asyncapi(), allow_unicode=True, sort_keys=False, width=110),
        "schemas.json": json.dumps(schemas(), indent=2, ensure_ascii=False, sort_keys=True) + "\n",
        "openapi.json": json.dumps(openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n",
    }


def write(folder: Path) -> list[Path]:
    """Write them; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, text in documents().items():
        file = folder / name
        file.write_text(text, encoding="utf-8")
        files.append(file)
    return files
