"""Speaking to an InfluxDB of any kind: what is there, where it takes lines, and what its answers mean."""

import gzip
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal, Protocol, cast
from urllib.parse import urlsplit

import httpx
import msgspec
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from pydantic import Field, SecretStr, field_validator, model_validator

from contract.configuration import Settings
from hub.historians.base import HistorianDown

Precision = Literal["ms", "ns"]
_SHOWN: Final = 300
_VERSION: Final = re.compile(r"v?(\d+)\.(\d+)")
_DROPPED: Final = re.compile(r"dropped=(\d+)")


def plain_url(url: str) -> str:
    """Accept an address that holds no secret (it is logged); raise ValueError otherwise."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("http://host:port or https://host:port is wanted")
    if parts.username or parts.password or parts.query:
        raise ValueError("user, password and token have their own fields: an address is logged, they never are")
    return url.rstrip("/")


class InfluxSettings(Settings):
    """How to reach the InfluxDB (1.x, 2.x, 3.x) or VictoriaMetrics."""

    url: str
    """http(s)://host:port, without user or password."""
    database: str = Field("campus", min_length=1)
    """Database of 1.x, bucket of 2.x."""
    org: str = ""
    """2.x only."""
    token: SecretStr = SecretStr("")
    username: str = ""
    password: SecretStr = SecretStr("")
    gzip: bool = False
    timeout_s: float = Field(10, gt=0, le=300)
    lines_per_request: int = Field(10_000, ge=100, le=100_000)

    _plain = field_validator("url")(plain_url)

    @model_validator(mode="after")
    def _has_one_credential(self) -> "InfluxSettings":
        if self.token.get_secret_value() and self.username:
            raise ValueError("either token (2.x, 3.x) or username and password (1.x), not both")
        return self


class Kind(StrEnum):
    """What answers at the address."""

    V1 = "InfluxDB before 1.8"
    V1_8 = "InfluxDB 1.8"
    V2 = "InfluxDB 2 or later"
    VICTORIA = "VictoriaMetrics"


class LinesRefused(Exception):
    """The server took the request and said no to lines in it, for good."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        dropped = _DROPPED.search(text)
        self.dropped: int | None = int(dropped[1]) if dropped else None
        """How many lines were not stored, when the server tells; the others of the request were."""


class Writer(Protocol):
    """Sends ready lines."""

    def write(self, body: bytes, precision: Precision) -> None:
        """Store lines; raise `LinesRefused` or `HistorianDown`."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Http:
    """A connection for everything but the 2.x write."""

    settings: InfluxSettings
    client: httpx.Client = field(repr=False)

    def request(self, method: str, path: str, *, params: dict[str, str] | None = None,
                content: bytes | None = None, form: dict[str, str] | None = None,
                headers: dict[str, str] | None = None) -> httpx.Response:
        """Ask; raise `HistorianDown` when no answer comes."""
        try:
            return self.client.request(method, path, params=params, content=content, data=form, headers=headers)
        except httpx.TransportError as error:
            raise unreachable(self.settings, error) from error

    def identify(self) -> Kind:
        """Find out what answers at the address; raise `HistorianDown` when nothing that can be used does."""
        answer = self.request("GET", "/ping")
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            raise HistorianDown(f"{self.settings.url}/ping answers {answer.status_code}: {_said(answer.text)}")
        version = answer.headers.get("x-influxdb-version", "")
        if not version:
            return Kind.VICTORIA  # answers /ping as InfluxDB does, without a version
        found = _VERSION.match(version)
        if found is None or int(found[1]) > 1:
            return Kind.V2
        return Kind.V1_8 if int(found[2]) >= 8 else Kind.V1

    def create_database(self) -> None:
        """Make the database of a 1.x where it is missing; a user without that right finds out at the first write."""
        name = self.settings.database.replace("\\", "\\\\").replace('"', r"\"")
        self.request("POST", "/query", form={"q": f'CREATE DATABASE "{name}"'})


def connect(settings: InfluxSettings) -> Http:
    """Make the connection; nothing is sent yet."""
    headers, auth = {}, None
    if settings.token.get_secret_value():
        headers["Authorization"] = f"Token {settings.token.get_secret_value()}"
    elif settings.username:
        auth = httpx.BasicAuth(settings.username, settings.password.get_secret_value())
    return Http(settings, httpx.Client(base_url=settings.url, headers=headers, auth=auth, timeout=settings.timeout_s,
                                       trust_env=False))


class V1Writer:
    """`/write`, for InfluxDB before 1.8."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def write(self, body: bytes, precision: Precision) -> None:
        params = {"db": self._http.settings.database, "precision": precision}
        headers = {}
        if self._http.settings.gzip:
            body, headers["Content-Encoding"] = gzip.compress(body, compresslevel=1), "gzip"
        answer = self._http.request("POST", "/write", params=params, content=body, headers=headers)
        if not answer.is_success:
            raise meaning(self._http.settings, answer.status_code, answer.text)

    def close(self) -> None:
        """Nothing of its own to close."""


class V2Writer:
    """`/api/v2/write` by influxdb-client, for InfluxDB 1.8, 2.x and 3.x and VictoriaMetrics."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        token = settings.token.get_secret_value()
        if settings.username:
            token = f"{settings.username}:{settings.password.get_secret_value()}"  # 1.8 wants it so
        self._client = InfluxDBClient(settings.url, token, org=settings.org or "-", enable_gzip=settings.gzip,
                                      timeout=int(settings.timeout_s * 1000))
        self._api = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, body: bytes, precision: Precision) -> None:
        try:
            self._api.write(self._settings.database, record=body, write_precision=cast("WritePrecision", precision))
        except ApiException as error:
            raise meaning(self._settings, error.status or 0, error.body or str(error.reason)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise unreachable(self._settings, error) from error

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]


def unreachable(settings: InfluxSettings, error: Exception) -> HistorianDown:
    return HistorianDown(f"InfluxDB at {settings.url} does not answer: {type(error).__name__}: {error}")


def meaning(settings: InfluxSettings, status: int, text: str) -> HistorianDown | LinesRefused:
    """Tell what a refusal means: lines that can never be stored, or something to wait for or to mend."""
    said = _said(text)
    match status:
        case 400 | 413 | 422:
            return LinesRefused(said)
        case 401 | 403:
            return HistorianDown(f"InfluxDB at {settings.url} does not accept the user, password or token: {said}")
        case 404:
            return HistorianDown(f"InfluxDB at {settings.url} has no database {settings.database}: {said}")
        case _:
            return HistorianDown(f"InfluxDB at {settings.url} answers {status}: {said}")


class _Said(msgspec.Struct):
    error: str = ""
    message: str = ""


def _said(text: str) -> str:
    """The words in an answer: 1.x says {error}, 2.x {message}, proxies send a page."""
    try:
        said = msgspec.json.decode(text, type=_Said)
    except msgspec.MsgspecError:
        return text.strip()[:_SHOWN]
    return (said.message or said.error or text.strip())[:_SHOWN]
