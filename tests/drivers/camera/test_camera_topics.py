"""PullPoint messages as vendors send them: structure from the ONVIF schema and public captures, values made up."""

import pytest
from onvif.client import _WSDL_PATH, _cached_document
from onvif.settings import DEFAULT_SETTINGS
from onvif.transport import ASYNC_TRANSPORT
from zeep.loader import parse_xml

from drivers.camera.topics import Notice, Said, meaning, notices

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<env:Envelope xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema"
 xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2"
 xmlns:wsa5="http://www.w3.org/2005/08/addressing" xmlns:tns1="http://www.onvif.org/ver10/topics"
 xmlns:tnsaxis="http://www.axis.com/2009/event/topics" xmlns:tns1a="http://www.onvif.org/ver10/topics">
<env:Body><tev:PullMessagesResponse>
<tev:CurrentTime>2026-03-02T00:00:01Z</tev:CurrentTime><tev:TerminationTime>2026-03-02T00:01:01Z</tev:TerminationTime>
{messages}</tev:PullMessagesResponse></env:Body></env:Envelope>"""
DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
HIKVISION = f"""<wsnt:NotificationMessage>
<wsnt:Topic Dialect="{DIALECT}">tns1:RuleEngine/CellMotionDetector/Motion</wsnt:Topic>
<wsnt:Message><tt:Message UtcTime="2026-03-02T00:00:00Z" PropertyOperation="Changed">
<tt:Source><tt:SimpleItem Name="VideoSourceConfigurationToken" Value="VideoSourceToken"/>
<tt:SimpleItem Name="VideoAnalyticsConfigurationToken" Value="VideoAnalyticsToken"/>
<tt:SimpleItem Name="Rule" Value="MyMotionDetectorRule"/></tt:Source>
<tt:Data><tt:SimpleItem Name="IsMotion" Value="true"/></tt:Data></tt:Message></wsnt:Message>
</wsnt:NotificationMessage>"""
DAHUA = f"""<wsnt:NotificationMessage>
<wsnt:SubscriptionReference><wsa5:Address>http://192.0.2.4/onvif/event_service?Idx=1</wsa5:Address></wsnt:SubscriptionReference>
<wsnt:Topic Dialect="{DIALECT}">tns1:VideoSource/MotionAlarm</wsnt:Topic>
<wsnt:ProducerReference><wsa5:Address>http://192.0.2.4/onvif/event_service</wsa5:Address></wsnt:ProducerReference>
<wsnt:Message><tt:Message UtcTime="2026-03-02T00:00:00Z" PropertyOperation="Changed">
<tt:Source><tt:SimpleItem Name="Source" Value="00000"/></tt:Source>
<tt:Data><tt:SimpleItem Name="State" Value="true"/></tt:Data></tt:Message></wsnt:Message>
</wsnt:NotificationMessage>"""
AXIS = """<wsnt:NotificationMessage>
<wsnt:Topic Dialect="http://docs.oasis-open.org/wsn/t-1/TopicExpression/Simple"
>tns1:RuleEngine/tnsaxis:VMD3/vmd3_video_1</wsnt:Topic>
<wsnt:Message><tt:Message UtcTime="2026-03-02T00:00:00.000001Z" PropertyOperation="Initialized">
<tt:Source><tt:SimpleItem Name="areaid" Value="0"/></tt:Source><tt:Key/>
<tt:Data><tt:SimpleItem Name="active" Value="1"/></tt:Data></tt:Message></wsnt:Message>
</wsnt:NotificationMessage>"""
AXIS_TAMPER = AXIS.replace("RuleEngine/tnsaxis:VMD3/vmd3_video_1", "VideoSource/tnsaxis:Tampering").replace(
    'Name="active"', 'Name="tampering"')
SCENE = DAHUA.replace("VideoSource/MotionAlarm", "VideoSource/GlobalSceneChange/ImagingService")
TAMPER = HIKVISION.replace("CellMotionDetector/Motion", "TamperDetector/Tamper").replace("IsMotion", "IsTamper")
NO_DATA = HIKVISION.replace('<tt:Data><tt:SimpleItem Name="IsMotion" Value="true"/></tt:Data>', "")
NO_MESSAGE = f"""<wsnt:NotificationMessage>
<wsnt:Topic Dialect="{DIALECT}">tns1:VideoSource/MotionAlarm</wsnt:Topic><wsnt:Message/></wsnt:NotificationMessage>"""
NO_TOPIC = HIKVISION.replace("tns1:RuleEngine/CellMotionDetector/Motion", "")
STORAGE = DAHUA.replace("VideoSource/MotionAlarm", "Device/HardwareFailure/StorageFailure")


async def pulled(messages):
    """What zeep makes of a PullMessages reply."""
    document = await _cached_document(f"{_WSDL_PATH}/events.wsdl")
    binding = document.bindings["{http://www.onvif.org/ver10/events/wsdl}PullPointSubscriptionBinding"]
    content = ENVELOPE.format(messages=messages).encode()
    return binding.get("PullMessages").process_reply(parse_xml(content, ASYNC_TRANSPORT, settings=DEFAULT_SETTINGS))


@pytest.mark.parametrize(("message", "kind"), [
    (HIKVISION, "motion"), (DAHUA, "motion"), (AXIS, "motion"), (AXIS_TAMPER, "covered"), (SCENE, "moved"),
    (TAMPER, "covered"),
])
async def test_vendors_messages_are_understood(message, kind):
    said = [meaning(notice) for notice in notices(await pulled(message))]
    assert [(one.kind, one.active) for one in said] == [(kind, True)]
    ended = message.replace('Value="true"', 'Value="false"').replace('Value="1"', 'Value="0"')
    assert [meaning(notice).active for notice in notices(await pulled(ended))] == [False]


async def test_a_source_is_told_from_another():
    two = HIKVISION + HIKVISION.replace("MyMotionDetectorRule", "Other")
    first, second = notices(await pulled(two))
    assert first.topic == "RuleEngine/CellMotionDetector/Motion"
    assert first.source.endswith("MyMotionDetectorRule")
    assert meaning(first).source != meaning(second).source


@pytest.mark.parametrize("message", [NO_DATA, NO_MESSAGE, NO_TOPIC, STORAGE, ""])
async def test_the_incomplete_and_the_foreign_mean_nothing(message):
    assert [meaning(notice) for notice in notices(await pulled(message)) if meaning(notice)] == []


def test_what_is_deleted_is_over():
    notice = Notice("RuleEngine/CellMotionDetector/Motion", "a", {"IsMotion": "true"}, "Deleted")
    assert meaning(notice) == Said("motion", f"{notice.topic}:a", active=False, topic=notice.topic)


def test_a_value_that_is_no_truth_means_nothing():
    assert meaning(Notice("VideoSource/MotionAlarm", "a", {"State": "perhaps"}, "Changed")) is None
