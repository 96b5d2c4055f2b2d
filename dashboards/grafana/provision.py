"""Bring the data source and the dashboards into a Grafana, or write them as files for an import by hand."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from pydantic import Field, SecretStr, field_validator

from contract.configuration import Settings
from dashboards.grafana import access, campus, devices, energy
from dashboards.grafana.panels import DATASOURCE, Look
from hub.historians.influx_http import InfluxSettings, plain_url

FOLDER: Final = "campushub"
TITLE: Final = "Campus Hub"
_NOT_FOUND: Final = 404
BOARDS: Final = (campus.dashboard, access.dashboard, energy.dashboard, devices.dashboard)

Json = dict[str, object]


class GrafanaDown(Exception):
    """Grafana does not answer: try again later."""


class GrafanaRefused(Exception):
    """Grafana said no: somebody has to mend something (token, role, address)."""


class GrafanaSettings(Settings):
    """Where Grafana is, who may change it, and how its dashboards look."""

    url: str
    """http(s)://host:port/prefix, without user or password."""
    token: SecretStr
    """Of a service account with the role Admin (it adds a data source)."""
    influx: InfluxSettings
    """How Grafana itself reaches the InfluxDB: its address as seen from Grafana, best with a user who may only read."""
    chinese: bool = True
    timezone: str = Field("Asia/Shanghai", pattern=r"^[A-Za-z0-9_+\-/]+$")
    timeout_s: float = Field(10, gt=0, le=300)

    _plain = field_validator("url")(plain_url)


def token_from(environment: Mapping[str, str] = os.environ, file: Path | None = None) -> SecretStr:
    """Take the token from a file, or else from GRAFANA_TOKEN; raise `GrafanaRefused` when there is none."""
    try:
        token = file.read_text().strip() if file else environment.get("GRAFANA_TOKEN", "").strip()
    except OSError as error:
        raise GrafanaRefused(f"the token's file cannot be read: {error}") from error
    if not token:
        raise GrafanaRefused("no token: set GRAFANA_TOKEN or name a file that holds it")
    return SecretStr(token)


def boards(look: Look) -> dict[str, Json]:
    """Build the four dashboards: their uid and the JSON Grafana takes."""
    built = [make(look) for make in BOARDS]
    return {board.uid or "": json.loads(json.dumps(board, cls=JSONEncoder)) for board in built}


def write(folder: Path, look: Look) -> list[Path]:
    """Write each dashboard as a file to import by hand or to mount; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for uid, board in boards(look).items():
        file = folder / f"{uid}.json"
        file.write_text(json.dumps(board, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        files.append(file)
    return files


def push(settings: GrafanaSettings) -> list[str]:
    """Create or update data source, folder and dashboards; return the addresses of the dashboards.

    Raises `GrafanaDown` or `GrafanaRefused`. A dashboard somebody edited is overwritten: the edited one stays in
    Grafana's version history.
    """
    grafana = GrafanaApi.from_url(settings.url, settings.token.get_secret_value(), timeout=settings.timeout_s)
    try:
        _upsert_datasource(grafana, settings.influx)
        if _found(lambda: grafana.folder.get_folder(FOLDER)) is None:
            grafana.folder.create_folder(TITLE, FOLDER)
        look = Look(chinese=settings.chinese, timezone=settings.timezone)
        return [_put(grafana, settings.url, board) for board in boards(look).values()]
    except GrafanaClientError as error:
        raise GrafanaRefused(f"Grafana at {settings.url} refuses: {error.message}") from error
    except (GrafanaException, niquests.exceptions.RequestException) as error:
        raise GrafanaDown(f"Grafana at {settings.url} does not do it: {error}") from error
    finally:
        grafana.client.s.close()


def datasource(influx: InfluxSettings) -> Json:
    """Describe the InfluxDB as Grafana's data source (InfluxQL); a token goes into a header it keeps encrypted."""
    described: Json = {
        "uid": DATASOURCE.uid, "name": TITLE, "type": "influxdb", "access": "proxy", "url": influx.url,
        "database": influx.database, "user": influx.username, "basicAuth": False,
    }
    options: Json = {"dbName": influx.database, "httpMode": "POST", "version": "InfluxQL", "timeInterval": "1s"}
    secrets: Json = {}
    if influx.token.get_secret_value():
        options["httpHeaderName1"] = "Authorization"
        secrets["httpHeaderValue1"] = f"Token {influx.token.get_secret_value()}"
    elif influx.username:
        secrets["password"] = influx.password.get_secret_value()
    return {**described, "jsonData": options, "secureJsonData": secrets}


def _upsert_datasource(grafana: GrafanaApi, influx: InfluxSettings) -> None:
    described = datasource(influx)
    if _found(lambda: grafana.datasource.get_datasource_by_uid(DATASOURCE.uid)) is None:  # type: ignore[no-untyped-call]
        grafana.datasource.create_datasource(described)  # type: ignore[no-untyped-call]
    else:
        grafana.datasource.update_datasource_by_uid(DATASOURCE.uid, described)  # type: ignore[no-untyped-call]


def _put(grafana: GrafanaApi, url: str, board: Json) -> str:
    answer = grafana.dashboard.update_dashboard(  # type: ignore[no-untyped-call]
        {"dashboard": board, "folderUid": FOLDER, "overwrite": True, "message": "campushub grafana"})
    return f"{url}{answer['url']}"


def _found(get: Callable[[], object]) -> object | None:
    try:
        return get()
    except GrafanaClientError as error:
        if error.status_code == _NOT_FOUND:
            return None
        raise
