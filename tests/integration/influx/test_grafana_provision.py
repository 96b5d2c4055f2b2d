"""Provisioning against a small server that records requests and answers as Grafana's HTTP API documents it."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from dashboards.grafana.panels import Look
from dashboards.grafana.provision import (
    GrafanaDown,
    GrafanaRefused,
    GrafanaSettings,
    boards,
    datasource,
    push,
    token_from,
    write,
)
from hub.historians.influx_http import InfluxSettings

TOKEN = "glsa_only-for-tests"


class Recorder(ThreadingHTTPServer):
    """Grafana's `/api` as far as provisioning needs it; remembers what was made."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict]] = []
        self.stored: dict[str, dict] = {}
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        found = self.server.stored.get(self.path)
        self._answer(200 if found else 404, found or {"message": "not found"}, {})

    def do_POST(self) -> None:
        body = self._body()
        match self.path:
            case "/api/datasources":
                self.server.stored[f"/api/datasources/uid/{body['uid']}"] = body
                self._answer(200, {"id": 1, "datasource": body}, body)
            case "/api/folders":
                self.server.stored[f"/api/folders/{body['uid']}"] = body
                self._answer(200, body, body)
            case "/api/dashboards/db":
                uid = body["dashboard"]["uid"]
                self.server.stored[f"/api/dashboards/uid/{uid}"] = body
                self._answer(200, {"uid": uid, "url": f"/d/{uid}/x", "status": "success"}, body)
            case _:
                self._answer(404, {"message": "no such path"}, body)

    def do_PUT(self) -> None:
        body = self._body()
        known = self.path in self.server.stored
        self._answer(200 if known else 404, {"datasource": body}, body)

    def _body(self) -> dict:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, content: dict, body: dict) -> None:
        if self.server.status != 200:
            status, content = self.server.status, {"message": "as the test wishes"}
        elif self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, content = 401, {"message": "Invalid API key"}
        else:
            self.server.requests.append((self.command, self.path, body))
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """The test reads `requests` instead."""


@pytest.fixture
def grafana() -> Iterator[Recorder]:
    server = Recorder()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def settings(url: str, token: str = TOKEN, **influx) -> GrafanaSettings:
    return GrafanaSettings(url=url, token=token, influx=InfluxSettings(url="http://influx:8086", **influx))


def test_the_first_time_everything_is_created(grafana):
    addresses = push(settings(grafana.url, username="grafana", password="reads only"))
    assert addresses == [f"{grafana.url}/d/{uid}/x" for uid in boards(Look())]
    assert [(method, path) for method, path, _ in grafana.requests if method != "GET"] == [
        ("POST", "/api/datasources"), ("POST", "/api/folders"), *[("POST", "/api/dashboards/db")] * 4]
    source = grafana.stored["/api/datasources/uid/campushub-influx"]
    assert (source["type"], source["url"], source["database"]) == ("influxdb", "http://influx:8086", "campus")
    assert source["secureJsonData"] == {"password": "reads only"}
    board = grafana.stored["/api/dashboards/uid/campushub-energy"]
    assert (board["folderUid"], board["overwrite"], board["dashboard"]["title"]) == ("campushub", True, "用电")


def test_the_second_time_the_same_things_are_updated(grafana):
    push(settings(grafana.url))
    grafana.requests.clear()
    push(settings(grafana.url))
    assert [(method, path) for method, path, _ in grafana.requests if method != "GET"] == [
        ("PUT", "/api/datasources/uid/campushub-influx"), *[("POST", "/api/dashboards/db")] * 4]
    assert len(grafana.stored) == 6


def test_a_token_for_influxdb_goes_into_a_header_grafana_keeps_secret():
    described = datasource(InfluxSettings(url="http://influx:8086", token="top secret"))
    assert described["jsonData"]["httpHeaderName1"] == "Authorization"
    assert described["secureJsonData"] == {"httpHeaderValue1": "Token top secret"}
    del described["secureJsonData"]
    assert "top secret" not in json.dumps(described)


def test_a_wrong_token_is_refused_and_not_repeated(grafana):
    with pytest.raises(GrafanaRefused, match="Unauthorized") as refused:
        push(settings(grafana.url, token="guess-guess"))
    assert "guess-guess" not in str(refused.value)
    assert grafana.requests == []


def test_trouble_of_grafana_itself_and_no_grafana_at_all_mean_later(grafana):
    grafana.status = 503
    with pytest.raises(GrafanaDown, match="503"):
        push(settings(grafana.url))
    url = grafana.url
    grafana.shutdown()
    grafana.server_close()
    with pytest.raises(GrafanaDown):
        push(settings(url))


def test_the_token_comes_from_a_file_or_the_environment(tmp_path):
    file = tmp_path / "token"
    file.write_text(" abc\n")
    assert token_from({"GRAFANA_TOKEN": "xyz"}, file).get_secret_value() == "abc"
    assert token_from({"GRAFANA_TOKEN": "xyz"}).get_secret_value() == "xyz"
    with pytest.raises(GrafanaRefused, match="no token"):
        token_from({})
    with pytest.raises(GrafanaRefused, match="cannot be read"):
        token_from({}, tmp_path / "none")


def test_dashboards_can_be_written_as_files(tmp_path):
    files = write(tmp_path / "boards", Look(chinese=False))
    assert [json.loads(file.read_text())["uid"] for file in files] == list(boards(Look()))
