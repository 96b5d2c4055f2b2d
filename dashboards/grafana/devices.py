"""Devices and gateways: who answers, who does not and why, and any point of any device."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from contract.quality import BAD
from dashboards.grafana.panels import HALF, Look, Shown, bars, choice, lines, number, page, ranking, rows

_DEVICE = "FROM reading WHERE device =~ /^$device$/ AND $timeFilter"
_EVENT = "FROM event WHERE $timeFilter"
_GATEWAY = f"{_EVENT} AND gateway =~ /^$gateway$/"


def dashboard(look: Look) -> Dashboard:
    """Build the page."""
    say = look.say
    return page(
        "campushub-devices", say("Devices and gateways", "设备与网关"),
        say("Who answers and who does not. Qualities: 16 held, 17 clock wrong, 18 out of range, 32 gone, 33 mute, "
            "34 refused, 35 wrong key, 36 garbage.",
            "设备应答情况。质量码：16 保持，17 时钟不准，18 超范围，32 失联，33 无应答，"
            "34 被拒绝，35 密钥错误，36 乱码。"),
        variables=[choice("gateway", say("Gateway", "网关"), "SHOW TAG VALUES FROM event WITH KEY = gateway"),
                   choice("device", say("Device", "设备"), "SHOW TAG VALUES FROM reading WITH KEY = device"),
                   choice("point", say("Point", "测点"), "SHOW TAG VALUES FROM reading WITH KEY = point")],
        panels=[*_counts(look), *_health(look), *_points(look)],
    )


def _counts(look: Look) -> list[Shown]:
    say = look.say
    count = f"SELECT count(id) {_GATEWAY} AND kind = "
    return [
        number(say("Devices lost", "设备失联次数"), f"{count}'device.lost'", sum_up=True, bad_from=1),
        number(say("Devices back", "设备恢复次数"), f"{count}'device.back'", sum_up=True),
        number(say("Cameras lost", "摄像机失联"), f"SELECT sum(value) {_GATEWAY} AND kind = 'camera.lost'", sum_up=True,
               bad_from=1),
        number(say("Cameras covered or moved", "摄像机被遮挡或移动"),
               f"SELECT sum(value) {_GATEWAY} AND kind =~ /^camera\\.(covered|moved)$/", sum_up=True, bad_from=1),
        number(say("Readings stored", "存储读数"), f"SELECT count(value) {_DEVICE}", sum_up=True),
        number(say("Bad readings", "坏值数"), f"SELECT count(q) {_DEVICE} AND q >= {BAD}", sum_up=True, bad_from=1),
    ]


def _health(look: Look) -> list[Shown]:
    say = look.say
    return [
        bars(say("Readings by family", "各类设备读数"),
             f"SELECT count(value) {_DEVICE} GROUP BY time($__interval), family fill(0)", alias="$tag_family"),
        bars(say("Bad readings by device", "各设备坏值"),
             f"SELECT count(q) {_DEVICE} AND q >= {BAD} GROUP BY time($__interval), device fill(none)",
             alias="$tag_device"),
        ranking(say("Why devices were lost", "失联原因"),
                f"SELECT count(id) {_GATEWAY} AND kind = 'device.lost' GROUP BY device, reason",
                alias="$tag_device $tag_reason"),
        bars(say("Events by gateway", "各网关事件"),
             f"SELECT count(id) {_GATEWAY} GROUP BY time($__interval), gateway fill(0)", alias="$tag_gateway"),
        rows(say("Lost and back", "失联与恢复"),
             f"SELECT kind, device, reason, gateway, id {_GATEWAY} AND kind =~ /^(device|camera|reader)\\./ "
             "ORDER BY time DESC LIMIT 200", width=HALF),
        rows(say("Last heard of", "最后读数时间"), f"SELECT last(value) {_DEVICE} GROUP BY device", width=HALF),
    ]


def _points(look: Look) -> list[Shown]:
    say = look.say
    chosen = f"{_DEVICE} AND point =~ /^$point$/"
    return [
        lines(say("Points", "测点"),
              f"SELECT mean(value) {chosen} GROUP BY time($__interval), device, point, unit fill(none)",
              alias="$tag_device $tag_point $tag_unit"),
        rows(say("Last values", "最新值"), f"SELECT last(value) {chosen} GROUP BY device, point, unit", width=HALF),
    ]
