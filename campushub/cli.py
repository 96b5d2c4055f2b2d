"""campushub: every command of the product."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from campushub.paths import CONFIG, CONSOLE

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  help="A campus IoT edge and sensing hub.")
sim_app = typer.Typer(invoke_without_command=True, help="Show the virtual campus, and make trouble in it.")
rules_app = typer.Typer(no_args_is_help=True, help="Test rules.")
app.add_typer(sim_app, name="sim")
app.add_typer(rules_app, name="rules")
DEMO_FOLDER = Path("var/demo")
Config = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Configuration file.")]
Data = Annotated[Path, typer.Option(file_okay=False, help="Folder of the state; made when missing.")]
Clock = Annotated[Path | None, typer.Option(dir_okay=False, help="Clock file of a demonstration.")]
RunDir = Annotated[Path, typer.Option(help="Folder of the running campus.")]


def main() -> None:
    app()


@app.command()
def demo(
    seconds: Annotated[float, typer.Option(help="End after so long; 0: run until Ctrl-C.")] = 0,
    report: Annotated[bool, typer.Option(help="Print one JSON object at the end.")] = False,
    port: Annotated[int, typer.Option(help="Port of the console; 0: any free one.")] = 8480,
    speed: Annotated[float, typer.Option(min=0.1, max=600, help="Campus seconds in a second.")] = 1,
    data: Data = DEMO_FOLDER,
    influx: Annotated[str, typer.Option(help="Write to this InfluxDB too, e.g. http://127.0.0.1:8086.")] = "",
) -> None:
    """Run the virtual campus, an edge agent, the broker, the hub and the console in one terminal."""
    from campushub.demo import DemoOptions, run  # noqa: PLC0415  # a gateway has none of this installed

    raise typer.Exit(run(DemoOptions(seconds=seconds, report=report, port=port, speed=speed, folder=data,
                                     influx=influx)))


@app.command()
def hub(
    config: Config = CONFIG / "hub.yaml", data: Data = Path("var/hub"), clock: Clock = None,
    host: Annotated[str, typer.Option(help="Address to serve the console on.")] = "",
    port: Annotated[int | None, typer.Option(help="Port of the console; 0: any free one.")] = None,
    influx: Annotated[str, typer.Option(help="InfluxDB to write to as well.")] = "",
    demo_password: Annotated[str, typer.Option(envvar="CAMPUSHUB_DEMO_PASSWORD", hidden=True)] = "",
    ready_file: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the hub."""
    from hub.main import HubOptions  # noqa: PLC0415
    from hub.main import main as run  # noqa: PLC0415

    raise typer.Exit(run(HubOptions(config=config, data=data, console=CONSOLE, clock=clock, host=host, port=port,
                                    influx=influx, demo_password=demo_password, ready_file=ready_file)))


@app.command()
def broker(data: Data = Path("var/hub")) -> None:
    """Run the embedded MQTT broker, on loopback only."""
    from hub.broker import prepare, serve  # noqa: PLC0415

    prepare(data)
    serve(data)


@app.command()
def edge(
    config: Config, data: Data = Path("var/edge"), clock: Clock = None,
    values: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="JSON of ${NAME} values.")] = None,
) -> None:
    """Run an edge agent."""
    from edge_agent.main import main as run  # noqa: PLC0415

    raise typer.Exit(run(config, values, data, clock))


@app.command()
def openapi() -> None:
    """Print the HTTP API's OpenAPI document."""
    from hub.api.app import openapi as document  # noqa: PLC0415

    json.dump(document(), sys.stdout, ensure_ascii=False, indent=2, sort_keys=True)
    sys.stdout.write("\n")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False)
def bench(name: str, context: typer.Context) -> None:
    """Run a benchmark: ingest, modbus, door, screen, outage (--json, --help)."""
    from bench.runner import run  # noqa: PLC0415

    raise typer.Exit(run(name, context.args))


@app.command()
def grafana(
    url: Annotated[str, typer.Option(help="Grafana to provision.")] = "",
    write: Annotated[Path | None, typer.Option(file_okay=False, help="Write the dashboards as JSON there.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the token; else GRAFANA_TOKEN.")] = None,
    influx: Annotated[str, typer.Option(help="InfluxDB that Grafana reads.")] = "http://127.0.0.1:8086",
    database: str = "campus",
    chinese: Annotated[bool, typer.Option("--zh", help="Chinese titles.")] = False,
) -> None:
    """Provision the Grafana dashboards, or write them into a folder."""
    from campushub.grafana import provision  # noqa: PLC0415

    raise typer.Exit(provision(url=url, write=write, token_file=token_file, influx=influx, database=database,
                               chinese=chinese))


@sim_app.callback()
def sim(context: typer.Context, run_dir: RunDir = DEMO_FOLDER / "sim", *,
        once: Annotated[bool, typer.Option(help="Show once and end.")] = False) -> None:
    """Show the virtual campus of a running demonstration."""
    context.obj = run_dir
    if context.invoked_subcommand is None:
        from simulator.show import main as show  # noqa: PLC0415

        show(run_dir, once=once)


@sim_app.command()
def fault(context: typer.Context, name: str, target: str = "") -> None:
    """Make trouble.

    door-forced, door-held, camera-cover, camera-move, meter-silent, meter-garbage, demand-peak, fire, gateway-offline,
    broker-restart, clock-skew, bad-cards.
    """
    from simulator.show import fault as begin  # noqa: PLC0415

    typer.echo(begin(context.obj, name, target))


@sim_app.command()
def clear(context: typer.Context, name: Annotated[str, typer.Argument()] = "") -> None:
    """Undo a fault, or all."""
    from simulator.show import clear as end  # noqa: PLC0415

    typer.echo(", ".join(end(context.obj, name)) or "nothing to clear")


@rules_app.command("test")
def rules_test(folder: Path = CONFIG) -> None:
    """Run every *.test.yaml beside the rules of a configuration folder."""
    from campushub.rule_tests import run  # noqa: PLC0415

    raise typer.Exit(run(folder))


@app.command()
def contract(folder: Annotated[Path, typer.Argument(file_okay=False)] = Path("docs")) -> None:
    """Write the message contract (AsyncAPI, JSON Schemas) and the HTTP API (OpenAPI) into a folder."""
    from campushub.documents import write  # noqa: PLC0415

    for file in write(folder):
        typer.echo(file)
