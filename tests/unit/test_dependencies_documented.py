"""docs/dependencies.md has a line for each dependency, and none for one we do not have."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    groups = [project["project"]["dependencies"], *extras.values(), *project["dependency-groups"].values()]
    python = {re.split(r"[^\w.-]", line)[0] for group in groups for line in group} - {"campushub"}
    console = json.loads((ROOT / "dashboards/console/package.json").read_text())
    return python | set(console["dependencies"]) | set(console["devDependencies"])


def documented() -> set[str]:
    lines = (ROOT / "docs/dependencies.md").read_text().splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| ") and not line.startswith("| package")]
    return {re.sub(r"\(.*\)", "", name).strip() for cell in cells for name in re.sub(r"\(.*?\)", "", cell).split(",")}


def test_every_dependency_has_its_line():
    assert declared() - documented() == set()


def test_no_line_is_about_a_dependency_that_is_gone():
    assert documented() - declared() == {"uv"}  # pinned in requirements/uv.txt
