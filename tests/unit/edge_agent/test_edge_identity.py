"""Who a gateway is, how it becomes welcome, and which policies it believes."""

import msgspec
import pytest

from contract.messages import EnrolReply, Text, Welcome, encode
from contract.sealing import pairing_code, public_of, seal, token_proof
from edge_agent.enrol import Enrolment, Refused
from edge_agent.identity import Identity
from edge_agent.policy import PolicyRefused, PolicyStore

POLICY_KEY = public_of(bytes(range(32, 64)))


def enrolment(identity: Identity, token: str = "") -> Enrolment:
    return Enrolment(identity, site="school", gateway="gw-1", name=Text("G", "网关"), token=token, software="",
                     devices=3)


def welcome() -> Welcome:
    return Welcome(username="gw-1", password="quiet", card_key=bytes(32), policy_key=POLICY_KEY)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path) -> None:
    folder = tmp_path / "gateway"
    first = Identity(folder)
    assert Identity(folder).private == first.private
    assert folder.stat().st_mode & 0o777 == 0o700
    first.admit(welcome())
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600, 0o600]
    assert Identity(folder).welcome == welcome()


def test_the_code_is_six_digits_of_the_key(tmp_path) -> None:
    assert pairing_code(bytes(32)) == "709175"
    assert Identity(tmp_path).code != Identity(tmp_path / "other").code


def test_only_the_asking_gateway_can_open_its_welcome(tmp_path) -> None:
    own, other = Identity(tmp_path / "own"), Identity(tmp_path / "other")
    reply = encode(EnrolReply(gateway="gw-1", status="approved", sealed=seal(encode(welcome()), own.public)))
    assert enrolment(own).answer(reply) == welcome()
    assert enrolment(other).answer(reply) is None


def test_answers_that_are_no_welcome(tmp_path) -> None:
    asking = enrolment(Identity(tmp_path))
    assert asking.answer(encode(EnrolReply(gateway="gw-1", status="pending"))) is None
    assert asking.answer(b"{") is None
    assert asking.answer(encode(EnrolReply(gateway="gw-2", status="refused"))) is None, "another gateway's"
    with pytest.raises(Refused, match="not ours"):
        asking.answer(encode(EnrolReply(gateway="gw-1", status="refused", reason="not ours")))


def test_a_token_is_proved_and_not_shown(tmp_path) -> None:
    identity = Identity(tmp_path)
    request = enrolment(identity, "one-time")._request
    assert request.token == token_proof("one-time", identity.public)
    assert b"one-time" not in encode(request)


async def test_a_policy_is_kept_and_an_older_one_refused(tmp_path, make_policy) -> None:
    store = PolicyStore(tmp_path, "gw-1")
    store.trust(POLICY_KEY)
    assert await store.take(make_policy(5))
    assert not await store.take(make_policy(5)), "the same again"
    with pytest.raises(PolicyRefused, match="older than 5"):
        await store.take(make_policy(4))
    again = PolicyStore(tmp_path, "gw-1")
    again.trust(POLICY_KEY)
    assert again.version == store.version == 5


@pytest.mark.parametrize(("fields", "why"), [
    ({"key": bytes(32)}, "another signer"), ({"gateway": "gw-2"}, "for the gateway gw-2")])
async def test_a_policy_of_somebody_else_is_refused(tmp_path, make_policy, fields, why) -> None:
    store = PolicyStore(tmp_path, "gw-1")
    store.trust(POLICY_KEY)
    with pytest.raises(PolicyRefused, match=why):
        await store.take(make_policy(**fields))
    assert store.index is None


async def test_a_changed_policy_is_refused(tmp_path, make_policy) -> None:
    store = PolicyStore(tmp_path, "gw-1")
    with pytest.raises(PolicyRefused, match="never welcome"):
        await store.take(make_policy())
    store.trust(POLICY_KEY)
    signed = make_policy()
    with pytest.raises(PolicyRefused, match="changed on the way"):
        await store.take(msgspec.structs.replace(signed, body=signed.body + b"\0"))


async def test_another_hub_starts_anew(tmp_path, make_policy) -> None:
    """A hub set up anew signs with another key and counts from 1."""
    store = PolicyStore(tmp_path, "gw-1")
    store.trust(POLICY_KEY)
    await store.take(make_policy(5))
    store.trust(public_of(bytes(32)))
    assert store.version == 0
    assert await store.take(make_policy(1, key=bytes(32)))
