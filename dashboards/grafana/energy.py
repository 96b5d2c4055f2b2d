"""Energy: what each meter shows, what a day takes, and what the air handlers and lights draw."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana.panels import HALF, Look, Shown, bars, choice, lines, page, rows

_METER = "FROM reading WHERE device =~ /^$meter$/ AND $timeFilter"
_ZONE = "FROM reading WHERE zone =~ /^$zone$/ AND $timeFilter"


def dashboard(look: Look) -> Dashboard:
    """Build the page. A meter is a device that has a `demand_kw`."""
    say = look.say
    meters = "SHOW TAG VALUES FROM reading WITH KEY = device WHERE point = 'demand_kw'"
    return page(
        "campushub-energy", say("Energy", "用电"), say("Demand, energy and who draws it.", "需量、电量与用电分布。"),
        variables=[choice("meter", say("Meter", "电表"), meters),
                   choice("zone", say("Zone", "区域"), "SHOW TAG VALUES FROM reading WITH KEY = zone")],
        panels=[*_meters(look), *_consumers(look)], since="now-7d",
    )


def _meters(look: Look) -> list[Shown]:
    say = look.say
    over_time = "GROUP BY time($__interval), device fill(none)"
    # Each bar is what the counter gained; a counter that was replaced or ran over gives no negative bar.
    gained = f"SELECT non_negative_difference(last(value)) AS used {_METER} AND point = 'energy_kwh'"
    return [
        lines(say("Power", "功率"), f"SELECT mean(value) {_METER} AND point = 'power_kw' {over_time}",
              alias="$tag_device", unit="kwatt"),
        lines(say("Demand: mean of the demand interval", "需量（需量周期平均值）"),
              f"SELECT max(value) {_METER} AND point = 'demand_kw' {over_time}", alias="$tag_device", unit="kwatt"),
        bars(say("Energy each hour", "每小时电量"),
             f"{gained} GROUP BY time(1h), device fill(none) tz('{look.timezone}')", alias="$tag_device",
             unit="kwatth"),
        bars(say("Energy each day", "每日电量"),
             f"{gained} GROUP BY time(1d), device fill(none) tz('{look.timezone}')", alias="$tag_device",
             unit="kwatth"),
        lines(say("Power factor", "功率因数"), f"SELECT mean(value) {_METER} AND point = 'power_factor' {over_time}",
              alias="$tag_device"),
        lines(say("Lowest phase voltage", "最低相电压"),
              f"SELECT min(value) {_METER} AND point =~ /^voltage_l[123]$/ {over_time}", alias="$tag_device",
              unit="volt"),
        rows(say("Energy used in the range (kWh)", "所选时段用电量（kWh）"),
             f"SELECT spread(value) AS used {_METER} AND point = 'energy_kwh' GROUP BY device", width=HALF),
        rows(say("Highest power in the range (kW)", "所选时段最大功率（kW）"),
             f"SELECT max(value) {_METER} AND point = 'power_kw' GROUP BY device", width=HALF),
    ]


def _consumers(look: Look) -> list[Shown]:
    say = look.say
    over_time = "GROUP BY time($__interval), device fill(none)"
    return [
        lines(say("Air handlers: power", "空调机组功率"),
              f"SELECT mean(value) {_ZONE} AND point = 'power_kw' AND device =~ /^ahu-/ {over_time}",
              alias="$tag_device", unit="kwatt", stacked=True, width=HALF),
        lines(say("Lights: power", "照明功率"),
              f"SELECT mean(value) {_ZONE} AND point = 'power_kw' AND device =~ /^lights-/ {over_time}",
              alias="$tag_device", unit="kwatt", stacked=True, width=HALF),
        lines(say("Room temperature", "室温"), f"SELECT mean(value) {_ZONE} AND point = 'room_temp' {over_time}",
              alias="$tag_device", unit="celsius"),
        lines(say("Setpoint", "设定温度"), f"SELECT mean(value) {_ZONE} AND point = 'setpoint' {over_time}",
              alias="$tag_device", unit="celsius"),
    ]
