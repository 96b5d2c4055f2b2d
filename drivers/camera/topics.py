"""What ONVIF notification messages mean. Pure.

Topics differ by vendor: Hikvision and Dahua send RuleEngine/CellMotionDetector/Motion, older ones VideoSource/
MotionAlarm; Axis its own VideoAnalytics and VMD topics; tampering is RuleEngine/TamperDetector or a vendor's Tampering.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_TRUE: Final = {"true": True, "1": True, "false": False, "0": False}
_STATE_NAMES: Final = ("ismotion", "istamper", "tampering", "state", "active", "motion", "isinside", "value")
_MEANINGS: Final = (
    ("ruleengine/cellmotiondetector/motion", "motion"),
    ("ruleengine/motionregiondetector/motion", "motion"),
    ("ruleengine/fielddetector/objectsinside", "motion"),
    ("ruleengine/vmd", "motion"),
    ("cameraapplicationplatform/vmd", "motion"),
    ("cameraapplicationplatform/objectanalytics", "motion"),
    ("videoanalytics/motiondetection", "motion"),
    ("videosource/motionalarm", "motion"),
    ("ruleengine/tamperdetector", "covered"),
    ("videosource/tampering", "covered"),
    ("videosource/globalscenechange", "moved"),
)
"""Beginning of a topic without its namespace prefixes, in lower case, and the kind of event it is."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One notification message."""

    topic: str
    """Without namespace prefixes: "RuleEngine/CellMotionDetector/Motion"."""
    source: str
    """What it is about (a video source's token, a rule's name)."""
    data: Mapping[str, str]
    operation: str
    """Initialized (how things are), Changed, Deleted, or empty."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a camera says of itself."""

    kind: str
    """motion, covered or moved."""
    source: str
    active: bool
    topic: str


def meaning(notice: Notice) -> Said | None:
    """Return what a message says; None when it is about something else."""
    topic = notice.topic.lower()
    kind = next((kind for start, kind in _MEANINGS if topic.startswith(start)), None)
    values = {name.lower(): value for name, value in notice.data.items()}
    state = next((values[name] for name in _STATE_NAMES if name in values), None)
    active = _TRUE.get(str(state).strip().lower())
    if kind is None or active is None:
        return None
    return Said(kind, f"{notice.topic}:{notice.source}", active and notice.operation != "Deleted", notice.topic)


def notices(reply: Any) -> Iterator[Notice]:
    """Yield the messages of a PullMessages reply (zeep's objects); what is incomplete is passed over.

    Cameras leave out what the schema asks for: every part may be missing.
    """
    for message in _list(_get(reply, "NotificationMessage")):
        topic = _get(_get(message, "Topic"), "_value_1")
        body = _get(_get(message, "Message"), "_value_1")
        if not isinstance(topic, str):
            continue
        source = _items(_get(body, "Source"))
        yield Notice("/".join(step.rpartition(":")[2] for step in topic.strip().split("/")),
                     ",".join(source.values()), _items(_get(body, "Data")), str(_get(body, "PropertyOperation") or ""))


def _items(part: Any) -> dict[str, str]:
    return {str(_get(item, "Name")): str(_get(item, "Value")) for item in _list(_get(part, "SimpleItem"))}


def _get(part: Any, name: str) -> Any:
    """Return an attribute; zeep's objects raise AttributeError for some missing parts and give None for others."""
    return getattr(part, name, None)


def _list(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [] if part is None else [part]
