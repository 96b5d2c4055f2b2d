"""Access and alarms: what happened at the doors, and how the alarms fare against EEMUA 191's flood limit."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.grafana.panels import HALF, Look, Shown, bars, choice, number, page, ranking, rows

FLOOD_FROM = 10
"""Alarms in ten minutes from which an operator is flooded (EEMUA 191)."""
_EVENT = "FROM event WHERE $timeFilter"
_DOOR = f"{_EVENT} AND door =~ /^$door$/"
_RAISED = "FROM alarm WHERE what = 'raised' AND $timeFilter"


def dashboard(look: Look) -> Dashboard:
    """Build the page."""
    say = look.say
    return page(
        "campushub-access", say("Access and alarms", "门禁与报警"),
        say("Events of the doors and changes of the alarms. No names of people are kept here.",
            "门禁事件与报警变化。此处不保存人员姓名。"),
        variables=[choice("door", say("Door", "门"), "SHOW TAG VALUES FROM event WITH KEY = door")],
        panels=[*_counts(look), *_doors(look), *_alarms(look)],
    )


def _counts(look: Look) -> list[Shown]:
    say = look.say
    count = f"SELECT count(id) {_DOOR} AND kind = "
    return [
        number(say("Granted", "允许"), f"{count}'access.granted'", sum_up=True),
        number(say("Refused", "拒绝"), f"{count}'access.denied'", sum_up=True),
        number(say("Forced", "强行开门"), f"{count}'door.forced'", sum_up=True, bad_from=1),
        number(say("Held open", "门未关"), f"{count}'door.held'", sum_up=True, bad_from=1),
        number(say("Reader opened", "读卡器被拆"), f"SELECT sum(value) {_EVENT} AND kind = 'reader.tamper'",
               sum_up=True, bad_from=1),
        number(say("Alarms raised", "报警次数"), f"SELECT count(alarm) {_RAISED}", sum_up=True, bad_from=1),
    ]


def _doors(look: Look) -> list[Shown]:
    say = look.say
    return [
        bars(say("Events by kind", "各类事件"),
             f"SELECT count(id) {_EVENT} AND kind =~ /^(access|door|reader)\\./ "
             "GROUP BY time($__interval), kind fill(0)", alias="$tag_kind"),
        bars(say("Passages by door", "各门通行"),
             f"SELECT count(id) {_DOOR} AND kind = 'access.granted' GROUP BY time($__interval), door fill(0)",
             alias="$tag_door"),
        ranking(say("Why people were refused", "拒绝原因"),
                f"SELECT count(id) {_DOOR} AND kind = 'access.denied' GROUP BY reason", alias="$tag_reason"),
        rows(say("Latest at the doors", "最近的门禁事件"),
             f"SELECT kind, door, reason, zone, id {_DOOR} AND kind =~ /^(access|door)\\./ "
             "ORDER BY time DESC LIMIT 200", width=HALF),
    ]


def _alarms(look: Look) -> list[Shown]:
    say = look.say
    return [
        bars(say("Alarms in ten minutes, by priority; from the line up: a flood",
                 "每十分钟报警数（按优先级），横线以上为报警泛滥"),
             f"SELECT count(alarm) {_RAISED} GROUP BY time(10m), priority fill(0)", alias="$tag_priority",
             warn_from=FLOOD_FROM),
        ranking(say("Alarms by rule", "各规则报警"), f"SELECT count(alarm) {_RAISED} GROUP BY rule", alias="$tag_rule"),
        rows(say("What happened to the alarms", "报警变化"),
             "SELECT alarm, rule, subject, priority, what, state, place, zone FROM alarm WHERE $timeFilter "
             "ORDER BY time DESC LIMIT 200"),
    ]
