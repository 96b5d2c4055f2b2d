import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.osdp.credentials import PAUSE_S, Keypad, card_credential


@pytest.mark.parametrize(("content", "bits", "wiegand", "credential"), [
    ("0000ABCDEF", 40, False, "card:ABCDEF"),
    ("0a", 4, False, "card:0"),
    ("f0", 4, False, "card:F"),
    ("00000000", 32, False, "card:0"),
    ("", 0, False, None),
    ("ff", 9, False, None),
    ("80000000", 26, True, None),
])
def test_cards(content, bits, wiegand, credential):
    assert card_credential(bytes.fromhex(content), bits, wiegand=wiegand) == credential


@given(st.sampled_from([24, 32]), st.data())
def test_wiegand_parity_comes_off_and_a_flipped_bit_is_a_misread(width, draw):
    number = draw.draw(st.integers(0, 2**width - 1))
    half = width // 2
    even = (number >> half).bit_count() % 2
    odd = 1 - (number & (2**half - 1)).bit_count() % 2
    bits = width + 2
    raw = (even << width + 1) | number << 1 | odd
    padding = -bits % 8

    def read(value):
        return card_credential((value << padding).to_bytes((bits + 7) // 8, "big"), bits, wiegand=True)

    assert read(raw) == f"card:{number:X}"
    assert read(raw ^ 1 << draw.draw(st.integers(0, bits - 1))) is None


@pytest.mark.parametrize(("keys", "credentials"), [
    (b"1234#", ["pin:1234"]),
    (b"1234\r", ["pin:1234"]),
    (b"99*1234#", ["pin:1234"]),
    (b"99\x7f12#34#", ["pin:12", "pin:34"]),
    (b"#", []),
    (b"1" * 16 + b"#", ["pin:" + "1" * 16]),
    (b"1" * 17 + b"#", []),
])
def test_keypad(keys, credentials):
    assert Keypad().press(keys, 0.0) == credentials


def test_keys_of_somebody_else_before_do_not_count():
    keypad = Keypad()
    assert keypad.press(b"99", 0.0) == []
    assert keypad.press(b"12#", PAUSE_S + 1) == ["pin:12"]
