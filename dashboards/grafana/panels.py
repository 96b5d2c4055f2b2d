"""The few kinds of panel the dashboards are made of, on top of Grafana's typed foundation SDK.

The SDK has no model of InfluxDB's queries, so `InfluxQuery` is ours; its fields are those Grafana's data source saves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as models

DATASOURCE: Final = models.DataSourceRef(type_val="influxdb", uid="campushub-influx")
ROW_HEIGHT: Final = 8
WIDE: Final = 24
HALF: Final = 12
SIXTH: Final = 4
Shown = Builder[models.Panel]
"""A panel as the pages list it."""
_P = TypeVar("_P", timeseries.Panel, stat.Panel, table.Panel, bargauge.Panel)


@dataclass(frozen=True, slots=True)
class Look:
    """In which language the dashboards speak, and where a day begins."""

    chinese: bool = True
    timezone: str = "Asia/Shanghai"

    def say(self, en: str, zh: str) -> str:
        return zh if self.chinese else en


@dataclass(frozen=True, slots=True)
class InfluxQuery(Dataquery):
    """One InfluxQL statement. `$timeFilter`, `$__interval` and variables are filled in by Grafana."""

    query: str
    alias: str = ""
    """Name of a series: `$tag_zone`, `$col`."""
    as_table: bool = False
    ref_id: str = "A"

    def to_json(self) -> dict[str, object]:
        return {
            "datasource": DATASOURCE, "refId": self.ref_id, "rawQuery": True, "query": self.query,
            "resultFormat": "table" if self.as_table else "time_series", "alias": self.alias,
        }


class _Ready(Builder[Dataquery]):
    """A query in the shape the SDK's panels take."""

    def __init__(self, query: InfluxQuery) -> None:
        self._query = query

    def build(self) -> Dataquery:
        return self._query


def lines(title: str, query: str, *, alias: str, unit: str = "short", stacked: bool = False,
          width: int = HALF) -> timeseries.Panel:
    """Show values over time, one line a series."""
    panel = _panel(timeseries.Panel(), title, InfluxQuery(query, alias), unit, (width, ROW_HEIGHT))
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
    panel = panel.legend(legend.placement(common.LegendPlacement.BOTTOM).show_legend(True))
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL)).fill_opacity(30)
    return panel.span_nulls(False)


def bars(title: str, query: str, *, alias: str, unit: str = "short", width: int = HALF,
         warn_from: float | None = None) -> timeseries.Panel:
    """Show counts or amounts over time as stacked bars, with a line at `warn_from`."""
    panel = lines(title, query, alias=alias, unit=unit, stacked=True, width=width)
    panel = panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).min(0)
    if warn_from is not None:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.LINE)
        panel = panel.thresholds(_steps(warn_from)).thresholds_style(style)
    return panel


def number(title: str, query: str, *, unit: str = "short", sum_up: bool = False, bad_from: float | None = None,
           width: int = SIXTH) -> stat.Panel:
    """Show one number: the last one, or the sum of the range."""
    panel = _panel(stat.Panel(), title, InfluxQuery(query), unit, (width, 4))
    reduce = common_builders.ReduceDataOptions().calcs(["sum" if sum_up else "lastNotNull"])
    panel = panel.reduce_options(reduce).no_value("0" if sum_up else "–")
    return panel if bad_from is None else panel.thresholds(_steps(bad_from))


def ranking(title: str, query: str, *, alias: str, unit: str = "short", width: int = HALF) -> bargauge.Panel:
    """Show the sum of each series as a bar."""
    panel = _panel(bargauge.Panel(), title, InfluxQuery(query, alias), unit, (width, ROW_HEIGHT))
    reduce = common_builders.ReduceDataOptions().calcs(["sum"])
    return panel.reduce_options(reduce).orientation(common.VizOrientation.HORIZONTAL).min(0)


def rows(title: str, query: str, *, width: int = WIDE, unit: str = "short") -> table.Panel:
    """Show the answer as it is."""
    return _panel(table.Panel(), title, InfluxQuery(query, as_table=True), unit, (width, ROW_HEIGHT))


def choice(name: str, label: str, query: str) -> builders.QueryVariable:
    """Let the reader choose among a tag's values; all at first. Used as `tag =~ /^$name$/`."""
    variable = builders.QueryVariable(name).label(label).query(query).datasource(DATASOURCE)
    variable = variable.multi(True).include_all(True).refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    every = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    return variable.sort(models.VariableSort.ALPHABETICAL_ASC).current(every)


def page(uid: str, title: str, description: str, *, panels: Sequence[Shown],
         variables: Sequence[builders.QueryVariable] = (), since: str = "now-6h") -> models.Dashboard:
    """Put panels on a page, in reading order."""
    built = builders.Dashboard(title).uid(uid).description(description).tags(["campushub"]).editable()
    built = built.timezone("browser").time(since, "now").refresh("30s").tooltip(models.DashboardCursorSync.CROSSHAIR)
    links = builders.DashboardLink("Campus Hub").type(models.DashboardLinkType.DASHBOARDS).tags(["campushub"])
    built = built.link(links.as_dropdown(False).keep_time(True))
    for variable in variables:
        built = built.with_variable(variable)
    for panel in panels:
        built = built.with_panel(panel)
    dashboard = built.build()
    for number_on_page, placed in enumerate(dashboard.panels or [], 1):
        if isinstance(placed, models.Panel):
            placed.id_val = number_on_page
    return dashboard


def _panel(panel: _P, title: str, query: InfluxQuery, unit: str, size: tuple[int, int]) -> _P:
    ready = panel.title(title).datasource(DATASOURCE).with_target(_Ready(query))
    width, height = size
    return ready.unit(unit).span(width).height(height)


def _steps(limit: float) -> builders.ThresholdsConfig:
    steps = [models.Threshold(value=None, color="green"), models.Threshold(value=limit, color="red")]
    return builders.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)
