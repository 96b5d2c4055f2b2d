"""Why a door opened or did not: a closed list, in words a guard understands, each with the next step."""

from enum import StrEnum
from typing import Final, NamedTuple

from contract.messages import Text


class Reason(StrEnum):
    """The reason of a decision."""

    GRANTED = "granted"
    UNLOCKED = "unlocked"
    """The door stands open for everybody now."""
    FIRE_RELEASE = "fire_release"
    UNKNOWN_CARD = "unknown_card"
    BLOCKED_CARD = "blocked_card"
    BLOCKED_PERSON = "blocked_person"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    NO_GRANT_FOR_DOOR = "no_grant_for_door"
    DENIED_FOR_DOOR = "denied_for_door"
    """A grant of the denying kind stands against it."""
    OUTSIDE_SCHEDULE = "outside_schedule"
    DOOR_LOCKED_DOWN = "door_locked_down"
    OFFLINE_NARROWED = "offline_narrowed"
    """The gateway is cut off from the hub, and this door then admits fewer people."""
    POLICY_TOO_OLD = "policy_too_old"
    NO_POLICY = "no_policy"
    """The gateway has never received a policy."""
    UNKNOWN_DOOR = "unknown_door"


class ReasonWords(NamedTuple):
    """What to show."""

    what: Text
    next_step: Text


def _words(en: str, zh: str, next_en: str, next_zh: str) -> ReasonWords:
    return ReasonWords(Text(en, zh), Text(next_en, next_zh))


WORDS: Final[dict[Reason, ReasonWords]] = {
    Reason.GRANTED: _words("Allowed", "允许通行", "Nothing to do.", "无需处理。"),
    Reason.UNLOCKED: _words("The door is unlocked for everybody", "此门当前常开", "Nothing to do.", "无需处理。"),
    Reason.FIRE_RELEASE: _words(
        "Released by the fire alarm", "火警已释放此门", "Help people out; do not stop anybody.", "协助疏散，勿阻拦。"),
    Reason.UNKNOWN_CARD: _words(
        "The card is not known here", "未登记的卡", "Ask for the name; look the person up and give the right card.",
        "询问姓名，查人后补发正确的卡。"),
    Reason.BLOCKED_CARD: _words(
        "The card is blocked (lost or returned)", "此卡已挂失或停用",
        "Keep the card; ask who carries it and compare the photo.", "留下此卡，询问持卡人并核对照片。"),
    Reason.BLOCKED_PERSON: _words(
        "The person is blocked", "此人已被停用", "Do not let in; call the duty office.", "不要放行，联系值班室。"),
    Reason.EXPIRED: _words(
        "The right to enter has ended", "通行权限已过期",
        "Send to the office to have it extended.", "请到办公室办理延期。"),
    Reason.NOT_YET_VALID: _words(
        "The right to enter has not begun", "通行权限尚未生效", "Tell when it begins; let in as a visitor if expected.",
        "告知生效时间；如有预约按访客放行。"),
    Reason.NO_GRANT_FOR_DOOR: _words(
        "Has no right to this door", "无此门权限", "Show the way to the right door, or ask who invited.",
        "指引到有权限的门，或联系受访人。"),
    Reason.DENIED_FOR_DOOR: _words(
        "Is barred from this door", "被禁止通过此门", "Do not let in; call the duty office.", "不要放行，联系值班室。"),
    Reason.OUTSIDE_SCHEDULE: _words(
        "Not at this time", "不在允许时段内", "Tell the permitted hours; a teacher may vouch.",
        "告知允许时段；可由老师担保放行。"),
    Reason.DOOR_LOCKED_DOWN: _words(
        "The door is in lockdown", "此门已封控",
        "Do not open; follow the lockdown plan.", "不要开门，按封控预案处置。"),
    Reason.OFFLINE_NARROWED: _words(
        "The door is cut off and admits only a few", "此门离线，仅限部分人员",
        "Check the person yourself and open from the desk.", "人工核验后由值班台开门。"),
    Reason.POLICY_TOO_OLD: _words(
        "The door's rights are too old to trust", "此门权限数据已过期",
        "Check the person yourself; tell the technician that the gateway is cut off.",
        "人工核验；通知技术人员网关已失联。"),
    Reason.NO_POLICY: _words(
        "The door has received no rights yet", "此门尚未下发权限", "Tell the technician; check people yourself.",
        "通知技术人员；人工核验放行。"),
    Reason.UNKNOWN_DOOR: _words(
        "The door is not in the rights", "权限数据中没有此门", "Tell the technician; check people yourself.",
        "通知技术人员；人工核验放行。"),
}
