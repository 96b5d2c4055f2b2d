import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.alarm import (
    Alarm,
    AlarmRefused,
    AlarmState,
    Step,
    acknowledge,
    expire,
    observe,
    set_service,
    shelve,
    suppress,
    unshelve,
    unsuppress,
)

N, P, A, K, C = (AlarmState.NORMAL, AlarmState.PENDING, AlarmState.ACTIVE, AlarmState.ACKNOWLEDGED, AlarmState.CLEARED)


@pytest.mark.parametrize(("state", "abnormal", "waited_ms", "after", "step"), [
    (N, True, 0, P, Step.PENDING),
    (N, False, 0, N, None),
    (P, True, 9_999, P, None),
    (P, True, 10_000, A, Step.RAISED),
    (P, False, 5_000, N, Step.RETURNED),
    (A, True, 0, A, None),
    (A, False, 0, C, Step.CLEARED),
    (K, True, 0, K, None),
    (K, False, 0, N, Step.RETURNED),
    (C, True, 0, A, Step.AGAIN),
    (C, False, 0, C, None),
])
def test_observe(state, abnormal, waited_ms, after, step):
    alarm, history = observe(Alarm(state=state, since_ms=1000), abnormal=abnormal, now_ms=1000 + waited_ms,
                             delay_ms=10_000)
    assert alarm.state is after
    assert [entry.step for entry in history] == ([step] if step else [])
    assert alarm.since_ms == (1000 + waited_ms if after is not state else 1000)


def test_without_a_delay_it_is_active_at_once():
    alarm, _ = observe(Alarm(), abnormal=True, now_ms=5)
    assert (alarm.state, alarm.raised_ms, alarm.raises) == (A, 5, 1)


@pytest.mark.parametrize(("state", "after"), [(A, K), (C, N)])
def test_acknowledge(state, after):
    alarm, [entry] = acknowledge(Alarm(state=state), by="wang", now_ms=7, note="seen")
    assert alarm.state is after
    assert (entry.by, entry.note, entry.state) == ("wang", "seen", after)


@pytest.mark.parametrize("state", [N, P, K])
def test_nothing_to_acknowledge(state):
    with pytest.raises(AlarmRefused, match="nothing to acknowledge"):
        acknowledge(Alarm(state=state), by="wang", now_ms=7)


def test_shelving_ends_by_itself_and_the_alarm_lives_on_meanwhile():
    alarm, _ = observe(Alarm(), abnormal=True, now_ms=0)
    alarm, _ = shelve(alarm, until_ms=100, by="wang", now_ms=1)
    assert alarm.silent
    alarm, _ = observe(alarm, abnormal=False, now_ms=50)
    assert (alarm.state, alarm.silent) == (C, True)
    assert expire(alarm, now_ms=99) == (alarm, ())
    alarm, [entry] = expire(alarm, now_ms=150)
    assert (alarm.silent, entry.step, entry.at_ms) == (False, Step.UNSHELVED, 100)
    assert unshelve(alarm, now_ms=200) == (alarm, ())
    with pytest.raises(AlarmRefused, match="an end that lies ahead"):
        shelve(alarm, until_ms=150, by="wang", now_ms=150)


def test_suppression_and_service_are_marks():
    alarm, [entry] = suppress(Alarm(state=A), rule="security/x", now_ms=1)
    assert (alarm.state, alarm.silent, entry.note) == (A, True, "security/x")
    assert suppress(alarm, rule="security/x", now_ms=2) == (alarm, ())
    alarm, _ = unsuppress(alarm, now_ms=3)
    assert unsuppress(alarm, now_ms=4) == (alarm, ())
    alarm, _ = set_service(alarm, in_service=False, by="li", now_ms=5)
    assert (alarm.state, alarm.silent) == (A, True)
    assert set_service(alarm, in_service=False, by="li", now_ms=6) == (alarm, ())
    alarm, _ = set_service(alarm, in_service=True, by="li", now_ms=7)
    assert not alarm.silent


@pytest.mark.parametrize("silence", [
    lambda alarm: shelve(alarm, until_ms=9, by="x", now_ms=1),
    lambda alarm: suppress(alarm, rule="x", now_ms=1),
    lambda alarm: set_service(alarm, in_service=False, by="x", now_ms=1),
])
def test_fire_and_duress_cannot_be_silenced(silence):
    with pytest.raises(AlarmRefused, match="fire and duress"):
        silence(Alarm(state=A, unsilenceable=True))


WORDS = st.lists(st.sampled_from(["bad", "good", "ack", "shelve", "unshelve", "suppress", "free", "out", "in", "wait"]),
                 max_size=40)


@given(words=WORDS, delay_ms=st.sampled_from([0, 5]))
def test_an_alarm_nobody_saw_is_never_forgotten(words, delay_ms):
    """Whatever happens: once it was raised it is unseen until somebody acknowledges it; marks end nothing."""
    alarm, unseen = Alarm(), False
    for now_ms, word in enumerate(words):
        before = alarm
        alarm, history = _do(word, alarm, now_ms, delay_ms)
        unseen |= any(entry.step in (Step.RAISED, Step.AGAIN) for entry in history)
        if word == "ack" and history:
            unseen = False
        assert alarm.unseen is unseen
        assert not (unseen and alarm.over)
        assert (alarm.state is before.state) or any(entry.state is alarm.state for entry in history)
        assert bool(history) is (alarm != before), "every change has its entry"


def _do(word, alarm, now_ms, delay_ms):
    if (word == "ack" and not alarm.unseen) or (word == "shelve" and alarm.shelved_until_ms):
        word = "wait"
    return {
        "bad": lambda: observe(alarm, abnormal=True, now_ms=now_ms, delay_ms=delay_ms),
        "good": lambda: observe(alarm, abnormal=False, now_ms=now_ms, delay_ms=delay_ms),
        "ack": lambda: acknowledge(alarm, by="w", now_ms=now_ms),
        "shelve": lambda: shelve(alarm, until_ms=now_ms + 3, by="w", now_ms=now_ms),
        "unshelve": lambda: unshelve(alarm, by="w", now_ms=now_ms),
        "suppress": lambda: suppress(alarm, rule="r", now_ms=now_ms),
        "free": lambda: unsuppress(alarm, now_ms=now_ms),
        "out": lambda: set_service(alarm, in_service=False, by="w", now_ms=now_ms),
        "in": lambda: set_service(alarm, in_service=True, by="w", now_ms=now_ms),
        "wait": lambda: expire(alarm, now_ms=now_ms),
    }[word]()
