"""A rule as a sentence, in both languages: what the console's list shows."""

from typing import Final

from contract.messages import Text
from rules.durations import duration_text, duration_text_zh
from rules.model import Absent, Action, CommandOrder, Count, EventPattern, Expression, Happens, Level, Rule, Sequence
from rules.outcomes import number

_AGGREGATE: Final = {"mean": Text("mean", "平均"), "min": Text("minimum", "最小"), "max": Text("maximum", "最大"),
                     "sum": Text("sum", "累计"), "delta": Text("growth", "增量"), "rate": Text("change", "变化率")}
_CALENDAR: Final = {
    "school_hours": Text("in school hours", "上课时段"), "work_hours": Text("in working hours", "工作时段"),
    "after_hours": Text("outside working hours", "非工作时段"), "lesson": Text("during lessons", "课上"),
    "school_day": Text("on school days", "上课日"), "workday": Text("on workdays", "工作日"),
    "weekend": Text("at weekends", "周末"), "holiday": Text("on holidays", "节假日"),
}
_KIND: Final = {
    "access.granted": Text("access granted", "允许通行"), "access.denied": Text("access denied", "拒绝通行"),
    "door.opened": Text("door opened", "门打开"), "door.closed": Text("door closed", "门关闭"),
    "door.forced": Text("door forced", "强行开门"), "door.held": Text("door held open", "开门超时"),
    "door.mode": Text("door mode changed", "门模式改变"), "reader.tamper": Text("reader tampered with", "读卡器防拆"),
    "camera.motion": Text("motion", "画面移动"), "camera.covered": Text("camera covered", "镜头遮挡"),
    "camera.moved": Text("camera moved", "镜头移位"), "camera.lost": Text("video lost", "视频丢失"),
    "device.lost": Text("device lost", "设备失联"), "device.back": Text("device back", "设备恢复"),
    "gateway.lost": Text("gateway away", "网关离线"), "gateway.back": Text("gateway back", "网关恢复"),
    "gateway.clock": Text("clock of the gateway off", "网关时钟偏差"),
}
_TEAM: Final = {"gate": "通知门岗", "security": "通知安保", "facilities": "通知后勤"}
_TARGET: Final = {"{device}": Text("the device", "该设备"), "{door}": Text("the door", "该门"),
                  "all": Text("all doors", "所有门")}
_COMMAND: Final = {
    "door_open": Text("open {}", "打开{}"), "door_unlock": Text("unlock {}", "使{}常开"),
    "door_lock": Text("lock {}", "锁闭{}"), "door_normal": Text("put {} back to normal", "使{}恢复正常"),
    "door_release": Text("release {}", "释放{}"), "door_restore": Text("end the release of {}", "解除{}的释放"),
    "still": Text("take a picture with {}", "用{}拍照"), "show": Text("show a text on {}", "在{}上显示文字"),
}


def sentence(rule: Rule) -> Text:
    """Return "When [what] [for how long] [when], then [what is done]." and its Chinese."""
    condition = _condition(rule)
    hold = Text(f" for {duration_text(rule.hold)}", f"持续{duration_text_zh(rule.hold)}") if rule.hold else Text("", "")
    calendar = Text("", "")
    if isinstance(rule.calendar, str):
        named = _CALENDAR.get(rule.calendar)
        if named:
            calendar = Text(f" {named.en}", f"（{named.zh}）")
    else:
        calendar = Text(" at set times", "（设定时段内）")
    done = _actions(rule)
    return Text(f"When {condition.en}{hold.en}{calendar.en}, then {done.en}.",
                f"当{condition.zh}{hold.zh}{calendar.zh}时，{done.zh}。")


def _condition(rule: Rule) -> Text:
    match rule.when:
        case Level():
            return _level(rule, rule.when)
        case Happens():
            return _event(rule.when.event)
        case Count():
            what = _event(rule.when.event)
            within = rule.when.within
            return Text(f"{what.en} happens {rule.when.count} times within {duration_text(within)}",
                        f"{duration_text_zh(within)}内{what.zh}达{rule.when.count}次")
        case Absent():
            what = _event(rule.when.absent)
            return Text(f"no {what.en} comes within {duration_text(rule.when.within)}",
                        f"{duration_text_zh(rule.when.within)}内没有{what.zh}")
        case Sequence():
            steps = [_event(step) for step in rule.when.sequence]
            within = rule.when.within
            return Text(f"{', then '.join(step.en for step in steps)} within {duration_text(within)}",
                        f"{duration_text_zh(within)}内依次{'、'.join(step.zh for step in steps)}")
        case Expression():
            return Text(f"{_points(rule)} meets {rule.when.cel}", f"{_points(rule)}满足 {rule.when.cel}")


def _level(rule: Rule, level: Level) -> Text:
    points = _points(rule)
    what = Text(points, points)
    if level.aggregate:
        name, over_ms = level.aggregate
        words = _AGGREGATE[name]
        what = Text(f"the {duration_text(over_ms)} {words.en} of {points}",
                    f"{points}的{duration_text_zh(over_ms)}{words.zh}")
    if level.outside is not None:
        low, high = number(level.outside[0]), number(level.outside[1])
        return Text(f"{what.en} is outside {low} to {high}", f"{what.zh}超出 {low} 至 {high}")
    for value, en, zh in ((level.above, "above", "高于"), (level.below, "below", "低于"), (level.equals, "", "等于")):
        if value is not None:
            return Text(f"{what.en} is {en} {number(value)}".replace("  ", " "), f"{what.zh}{zh} {number(value)}")
    return what


def _event(pattern: EventPattern) -> Text:
    return _KIND.get(pattern.kind, Text(pattern.kind, pattern.kind))


def _points(rule: Rule) -> str:
    where = ", ".join(rule.scope.device or rule.scope.zone or rule.scope.place)
    names = ", ".join(rule.scope.name)
    return f"{names} ({where})" if where else names


def _actions(rule: Rule) -> Text:
    done = [_done(rule, action) for action in rule.actions]
    return Text(", ".join(dict.fromkeys(text.en for text in done)), "，".join(dict.fromkeys(text.zh for text in done)))


def _done(rule: Rule, action: Action) -> Text:
    """Say one action in words; what is done at the end says so."""
    said = Text(f"raise a priority {rule.priority} alarm", f"发出{rule.priority}级告警")
    if action.command is not None:
        said = _commanded(action.command)
    elif action.notify:
        said = Text(f"tell {action.notify}", _TEAM[action.notify])
    return said if action.at == "raise" else Text(f"{said.en} once it is over", f"恢复后{said.zh}")


def _commanded(order: CommandOrder) -> Text:
    named = order.device or order.door or ", ".join(order.doors)
    target = _TARGET.get(named, Text(named, named))
    if order.action == "write":
        value = number(order.value)
        return Text(f"set {order.point} of {target.en} to {value}", f"将{target.zh}的{order.point}设为{value}")
    words = _COMMAND[order.action]
    return Text(words.en.format(target.en), words.zh.format(target.zh))
