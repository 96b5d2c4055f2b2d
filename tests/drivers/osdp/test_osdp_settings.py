import pytest
from pydantic import ValidationError

from contract.configuration import ConfigurationMistakes, parse
from drivers.osdp import OsdpFactory, OsdpSettings
from drivers.osdp.panel import PanelKey

KEY = "00112233445566778899AABBCCDDEEFF"


def test_key_shows_nowhere():
    settings = OsdpSettings(serial="/dev/x", address=1, key=KEY)
    assert KEY not in repr(settings)
    assert KEY not in str(settings.model_dump())
    assert "secret" not in repr(PanelKey(1, 9600, bytes.fromhex(KEY)))
    OsdpFactory().create(settings)


@pytest.mark.parametrize(("change", "words"), [
    ({"key": KEY[:-1] + "X"}, "32 hexadecimal digits"),
    ({"key": KEY + "00"}, "32 hexadecimal digits"),
    ({"key": None}, "key is required"),
    ({"insecure": True}, "contradict"),
    ({"address": 127}, "126"),
    ({"port": 1}, "Extra inputs"),
])
def test_mistakes_are_named_without_the_key(change, words):
    with pytest.raises(ValidationError) as refused:
        OsdpSettings(**({"serial": "/dev/x", "address": 1, "key": KEY} | change))
    assert words in str(refused.value)
    assert KEY[:-1] not in str(refused.value)


def test_mistake_in_a_file_hides_the_key():
    with pytest.raises(ConfigurationMistakes) as refused:
        parse(f"serial: /dev/x\naddress: 1\nkey: {KEY}FF\n", "gw.yaml", OsdpSettings)
    assert "gw.yaml:3: key" in str(refused.value)
    assert KEY not in str(refused.value)
