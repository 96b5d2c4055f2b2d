"""`campushub grafana`: dashboards as code into a Grafana, or into a folder."""

import sys
from pathlib import Path

from dashboards.grafana.panels import Look
from dashboards.grafana.provision import GrafanaDown, GrafanaRefused, GrafanaSettings, push, token_from
from dashboards.grafana.provision import write as write_boards


def provision(*, url: str, write: Path | None, token_file: Path | None, influx: str, database: str,
              chinese: bool) -> int:
    """Return the exit status."""
    if write is not None:
        for file in write_boards(write, Look(chinese=chinese)):
            print(file)
        return 0
    if not url:
        print("either --url of a Grafana or --write FOLDER is wanted", file=sys.stderr)
        return 2
    settings = GrafanaSettings.model_validate({
        "url": url, "token": token_from(file=token_file), "influx": {"url": influx, "database": database},
        "chinese": chinese})
    try:
        for line in push(settings):
            print(line)
    except (GrafanaDown, GrafanaRefused) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
