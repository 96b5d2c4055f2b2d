"""Enrolment: who gets in, by whom, with which key; and what each gateway is told to run."""

from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract import topics
from contract.messages import Desired, DeviceBirth, EnrolReply, EnrolRequest, Text, Welcome, encode
from contract.sealing import SealError, token_proof, unseal
from hub import tables
from hub.api.core import Refusal
from hub.enrolment import TOKEN_MS, WAITING

SITE = "school"
Desk = Any  # tests/unit/hub/conftest.py


class Newcomer:
    """A gateway that asks to take part."""

    def __init__(self, desk: Desk, name: str = "gw-new") -> None:
        self.desk, self.name = desk, name
        self.private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    async def ask(self, token: str = "") -> EnrolReply | None:
        request = EnrolRequest(gateway=self.name, name=Text(self.name, self.name), public_key=self.public,
                               token=token_proof(token, self.public) if token else "")
        self.desk.hub._message(topics.enrol_request(SITE, self.name), encode(request))
        await self.desk.committed()
        return self.heard()

    def heard(self) -> EnrolReply | None:
        replies = [message for message in self.desk.sent("/reply") if message.topic.split("/")[4] == self.name]
        return msgspec.json.decode(replies[-1].payload, type=EnrolReply) if replies else None

    def opened(self, reply: EnrolReply | None) -> Welcome:
        assert reply is not None
        return msgspec.json.decode(unseal(reply.sealed, self.private.private_bytes_raw()), type=Welcome)


def desired(desk: Desk, name: str) -> list[Desired]:
    return [msgspec.json.decode(message.payload, type=Desired) for message in desk.sent("/desired")
            if message.topic.split("/")[3] == name]


async def test_asked_approved_and_welcomed_under_its_own_key(desk: Desk) -> None:
    new, other = Newcomer(desk), Newcomer(desk)
    reply = await new.ask()
    assert reply is not None
    assert (reply.status, reply.sealed) == ("pending", b"")
    assert desk.hub.status().pending == 1
    await desk.hub.decide_gateway("gw-new", approve=True, by="wu", reason="seen its code")
    reply = new.heard()
    welcome = new.opened(reply)
    assert (welcome.username, welcome.password) == ("gateway", "broker-password")
    assert len(welcome.card_key) == len(welcome.policy_key) == 32
    with pytest.raises(SealError):
        other.opened(reply)
    assert desk.audited() == [("wu", "gateway.approve", "gw-new")]
    await desk.restart()
    reply = await new.ask()
    assert reply is not None
    assert reply.status == "approved"


async def test_a_token_lets_one_gateway_in_and_no_second(desk: Desk) -> None:
    token = (await desk.hub.new_token(by="wu")).token
    assert token not in repr(desk.sent())
    new, next_one = Newcomer(desk), Newcomer(desk, "gw-next")
    reply = await new.ask("not the token")
    assert reply is not None
    assert reply.status == "pending"
    reply = await new.ask(token)
    assert new.opened(reply).username == "gateway"
    reply = await next_one.ask(token)
    assert reply is not None
    assert reply.status == "pending"
    await desk.restart()
    reply = await next_one.ask(token)
    assert reply is not None
    assert reply.status == "pending", "nor after a restart"
    assert [row.used_by for row in desk.rows(tables.tokens)] == ["gw-new"]


async def test_a_token_is_good_for_a_day(desk: Desk) -> None:
    token = (await desk.hub.new_token(by="wu")).token
    desk.now_ms += TOKEN_MS + 1
    reply = await Newcomer(desk).ask(token)
    assert reply is not None
    assert reply.status == "pending"


async def test_another_key_cannot_take_an_approved_or_a_waiting_name(desk: Desk) -> None:
    new, thief = Newcomer(desk), Newcomer(desk)
    await new.ask()
    reply = await thief.ask()
    assert reply is not None
    assert reply.status == "refused", "what is approved must be what was looked at"
    await desk.hub.decide_gateway("gw-new", approve=True, by="wu", reason="")
    new.opened(new.heard())
    reply = await thief.ask()
    assert reply is not None
    assert (reply.status, reply.sealed) == ("refused", b"")
    assert desk.hub.registry.gateways["gw-new"].public_key == new.public
    assert desk.rows(tables.quarantine)[0].count == 2


async def test_a_waiting_name_is_taken_by_who_holds_a_token(desk: Desk) -> None:
    squatter, new = Newcomer(desk), Newcomer(desk)
    await squatter.ask()
    reply = await new.ask((await desk.hub.new_token(by="wu")).token)
    assert new.opened(reply).username == "gateway"


async def test_a_revoked_gateway_is_kept_out_and_its_name_may_be_asked_for_again(desk: Desk) -> None:
    new, replacement = Newcomer(desk), Newcomer(desk)
    await new.ask()
    await desk.hub.decide_gateway("gw-new", approve=True, by="wu", reason="")
    await desk.hub.decide_gateway("gw-new", approve=False, by="wu", reason="stolen")
    desk.readings((1, 1.0), seq=1, name="gw-new")
    await desk.committed()
    assert [row.reason for row in desk.rows(tables.quarantine)] == ["gateway is revoked"]
    reply = await new.ask()
    assert reply is not None
    assert reply.status == "refused"
    reply = await replacement.ask()
    assert reply is not None
    assert reply.status == "pending"


@pytest.mark.parametrize("content", [
    b"garbage", b"{}", encode(EnrolRequest(gateway="other", name=Text("x", "x"), public_key=b"k" * 32)),
    encode(EnrolRequest(gateway="gw-new", name=Text("x", "x"), public_key=b"short")),
])
async def test_requests_that_break_the_contract_are_kept_with_their_reason(desk: Desk, content: bytes) -> None:
    desk.hub._message(topics.enrol_request(SITE, "gw-new"), content)
    await desk.committed()
    assert "gw-new" not in desk.hub.registry.gateways
    assert "hub failed" not in desk.rows(tables.quarantine)[0].reason


async def test_a_token_that_is_no_hash_is_simply_no_token(desk: Desk) -> None:
    await desk.hub.new_token(by="wu")
    request = EnrolRequest(gateway="gw-new", name=Text("x", "x"), public_key=b"k" * 32, token="令牌")
    desk.hub._message(topics.enrol_request(SITE, "gw-new"), encode(request))
    assert desk.hub.registry.gateways["gw-new"].state == "pending"


async def test_so_many_may_wait_and_no_more_but_for_a_token(desk: Desk) -> None:
    for number in range(WAITING + 5):
        desk.hub._message(topics.enrol_request(SITE, f"gw-{number}"), encode(EnrolRequest(
            gateway=f"gw-{number}", name=Text("x", "x"), public_key=b"k" * 32)))
    assert desk.hub.status().pending == WAITING
    new = Newcomer(desk)
    assert new.opened(await new.ask((await desk.hub.new_token(by="wu")).token)).username == "gateway"


async def test_desired_versions_only_rise_and_are_kept_by_the_broker(desk: Desk) -> None:
    versions = []
    for _ in range(2):
        desk.hub.enrolment.publish_desired("gw-a")
        await desk.committed()
        versions += [state.version for state in desired(desk, "gw-a")]
        await desk.restart()
    desk.hub.enrolment.publish_desired("gw-a")
    assert next(message.retain for message in desk.sent("/desired"))
    assert versions == sorted(set(versions))


async def test_a_found_device_waits_until_somebody_decides(desk: Desk) -> None:
    found = DeviceBirth(id="found", family="modbus", name=Text("Found", "新"), state="pending")
    desk.born(devices=[*desk.birth().devices, found])
    assert (await desk.hub.decide_device("found", approve=True, by="wu", reason="")).state == "live"
    assert desired(desk, "gw-a")[-1].approved == ["found"]
    assert (await desk.hub.decide_device("found", approve=False, by="wu", reason="")).state == "blocked"
    assert desired(desk, "gw-a")[-1].blocked == ["found"]
    with pytest.raises(Refusal) as refused:
        await desk.hub.decide_device("meter", approve=False, by="wu", reason="")
    assert refused.value.status == 409
    await desk.restart()
    assert desk.hub.registry.devices["found"].state == "blocked"
