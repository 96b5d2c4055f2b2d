"""Campus overview: whether all is well, and where to look."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana.panels import Look, bars, choice, lines, number, page

_READING = "FROM reading WHERE zone =~ /^$zone$/ AND $timeFilter"
_BY_DEVICE = "GROUP BY time($__interval), device fill(none)"
_EVENT = "FROM event WHERE $timeFilter"


def dashboard(look: Look) -> Dashboard:
    """Build the page: counts of the range on top, then power, climate, passages and what does not answer."""
    say = look.say
    return page(
        "campushub-campus", say("Campus overview", "校园总览"),
        say("Alarms, power, climate and passages of the whole campus.", "全校报警、用电、环境与通行情况。"),
        variables=[choice("zone", say("Zone", "区域"), "SHOW TAG VALUES FROM reading WITH KEY = zone")],
        panels=[
            number(say("Alarms raised", "报警次数"),
                   "SELECT count(alarm) FROM alarm WHERE what = 'raised' AND $timeFilter", sum_up=True, bad_from=1),
            number(say("of them urgent", "其中紧急"),
                   "SELECT count(alarm) FROM alarm WHERE what = 'raised' AND priority = '1' AND $timeFilter",
                   sum_up=True, bad_from=1),
            number(say("Passages", "通行次数"), f"SELECT count(id) {_EVENT} AND kind = 'access.granted'", sum_up=True),
            number(say("Refused", "拒绝次数"), f"SELECT count(id) {_EVENT} AND kind = 'access.denied'", sum_up=True),
            number(say("Devices lost", "设备失联次数"),
                   f"SELECT count(id) {_EVENT} AND kind = 'device.lost'", sum_up=True, bad_from=1),
            number(say("Bad readings", "坏值数"), "SELECT count(q) FROM reading WHERE q >= 32 AND $timeFilter",
                   sum_up=True, bad_from=1),
            lines(say("Power by device", "各设备功率"),
                  f"SELECT mean(value) {_READING} AND point = 'power_kw' {_BY_DEVICE}",
                  alias="$tag_device", unit="kwatt"),
            lines(say("Room temperature", "室温"),
                  f"SELECT mean(value) {_READING} AND point = 'room_temp' {_BY_DEVICE}",
                  alias="$tag_device", unit="celsius"),
            lines(say("Carbon dioxide", "二氧化碳"),
                  f"SELECT mean(value) {_READING} AND point = 'co2' {_BY_DEVICE}",
                  alias="$tag_device", unit="ppm"),
            bars(say("Passages by door", "各门通行"),
                 f"SELECT count(id) {_EVENT} AND kind = 'access.granted' GROUP BY time($__interval), door fill(0)",
                 alias="$tag_door"),
        ],
    )
