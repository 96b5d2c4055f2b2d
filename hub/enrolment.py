"""Who may take part: gateways introduce themselves, a token or a person lets them in, and each is told what to run."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

import msgspec
import structlog
from sqlalchemy import Connection, insert, select, update

from contract import topics
from contract.messages import (
    ContractError,
    Desired,
    EnrolReply,
    EnrolRequest,
    SignedPolicy,
    Text,
    Welcome,
    decode,
    encode,
)
from contract.sealing import public_of, seal, token_proof
from hub import audit, tables
from hub.api import shapes
from hub.api.core import Refusal, not_found
from hub.commit import Committer
from hub.quarantine import Quarantine
from hub.registry import Device, Gateway, Registry

WAITING: Final = 100
"""So many gateways may wait for approval at once: anybody who reaches the broker may ask."""
TOKEN_MS: Final = 24 * 3_600_000
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keys:
    """The hub's own secrets; never shown, logged or sent in clear."""

    card: bytes = field(repr=False)
    """HMAC key of credential hashes."""
    policy: bytes = field(repr=False)
    """Ed25519 private key that signs policies."""


def keys(connection: Connection) -> Keys:
    """Return the hub's secrets, made at the first start. Needs a writing connection."""
    known = {row.name: row.value for row in connection.execute(select(tables.secrets))}
    for name in ("card", "policy"):
        if name not in known:
            known[name] = secrets.token_bytes(32)
            connection.execute(insert(tables.secrets), {"name": name, "value": known[name]})
    return Keys(known["card"], known["policy"])


class Enrolment:
    """Answers gateways that ask, carries out what people decide, and publishes the desired states."""

    def __init__(
        self, *, site: str, committer: Committer, registry: Registry, quarantine: Quarantine, own: Keys,
        credentials: tuple[str, str], now_ms: Callable[[], int], publish: Callable[..., None],
        on_change: Callable[[Gateway], None], on_device: Callable[[Device], None],
    ) -> None:
        """credentials: broker user and password of approved gateways. publish(topic, payload, retain=...)."""
        self.policies: dict[str, SignedPolicy] = {}
        """By gateway, as compiled last."""
        self._site = site
        self._commit = committer
        self._registry = registry
        self._quarantine = quarantine
        self._own = own
        self._credentials = credentials
        self._now_ms = now_ms
        self._publish = publish
        self._on_change = on_change
        self._on_device = on_device
        self._tokens: dict[str, int] = {}

    def load(self, connection: Connection) -> None:
        for row in connection.execute(select(tables.tokens).where(tables.tokens.c.used_by == "")):
            self._tokens[row.token] = row.expires_ms

    def message(self, topic: str, payload: bytes) -> bool:
        """Take an enrolment request; False when the topic is none."""
        asked = topics.parse_enrolment(topic)
        if asked is None:
            return False
        try:
            request = decode(payload, EnrolRequest)
            if request.gateway != asked[1] or not topics.valid_name(request.gateway) or len(request.public_key) != 32:
                raise ContractError("gateway's name or key do not fit the topic and the contract")
        except ContractError as error:
            self._quarantine.add(topic, str(error), payload)
        else:
            self._take(request)
        return True

    async def new_token(self, *, by: str) -> shapes.EnrolToken:
        token, now_ms = secrets.token_urlsafe(18), self._now_ms()
        expires_ms = now_ms + TOKEN_MS

        def store(connection: Connection) -> None:
            connection.execute(insert(tables.tokens), {"token": token, "created_by": by, "expires_ms": expires_ms})
            audit.write(connection, at_ms=now_ms, actor=by, action="gateway.token", subject="", detail={})

        await self._commit.change(store)
        self._tokens[token] = expires_ms
        return shapes.EnrolToken(token=token, expires_ms=expires_ms)

    async def decide_gateway(self, identity: str, *, approve: bool, by: str, reason: str) -> Gateway:
        gateway = self._registry.gateways.get(identity)
        if gateway is None:
            raise not_found(Text("gateway", "网关"), identity)
        gateway.state = "approved" if approve else "revoked"
        self._registry.keep(gateway)
        await self._audited("gateway.approve" if approve else "gateway.refuse", by, identity, reason)
        self._answer(gateway)
        self._on_change(gateway)
        return gateway

    async def decide_device(self, identity: str, *, approve: bool, by: str, reason: str) -> Device:
        device = self._registry.devices.get(identity)
        if device is None:
            raise not_found(Text("device", "设备"), identity)
        if device.birth.state == "live" and device.state == "live":
            raise Refusal(409, "configured", Text(
                "This device stands in its gateway's configuration; change it there.",
                "该设备由网关配置文件设定，请在配置文件中修改。"))
        device.state = "live" if approve else "blocked"
        self._registry.keep(device)
        await self._audited("device.approve" if approve else "device.block", by, identity, reason)
        self.publish_desired(device.gateway)
        self._on_device(device)
        return device

    def publish_desired(self, identity: str) -> None:
        """Tell a gateway what it should run now."""
        gateway = self._registry.gateways[identity]
        if gateway.state != "approved":
            return
        gateway.desired_version += 1
        self._registry.keep(gateway)
        served = list(self._registry.served_by(identity))
        desired = Desired(
            version=gateway.desired_version, policy=self.policies.get(identity),
            approved=[device.id for device in served if device.state == "live" and device.birth.state == "pending"],
            blocked=[device.id for device in served if device.state == "blocked"])
        self._publish(topics.desired(self._site, identity), encode(desired), retain=True)

    def _take(self, request: EnrolRequest) -> None:
        gateway = self._registry.gateways.get(request.gateway)
        if gateway is None:
            waiting = sum(known.state == "pending" for known in self._registry.gateways.values())
            if waiting >= WAITING and not self._token(request):
                self._quarantine.add(topics.enrol_request(self._site, "+"), "too many gateways wait for approval", b"")
                return
            gateway = Gateway(request.gateway, request.name, public_key=request.public_key, since_ms=self._now_ms())
            self._registry.gateways[gateway.id] = gateway
            _log.info("gateway_asks", gateway=gateway.id)
        elif gateway.public_key != request.public_key and not self._may_replace(gateway, request):
            self._reply(gateway.id, "refused", f"another gateway is {gateway.state} under this name; choose another "
                                               "name, or refuse that one first")
            self._quarantine.add(topics.enrol_request(self._site, gateway.id), "name of another gateway", b"")
            return
        elif gateway.public_key != request.public_key:
            gateway.public_key, gateway.state, gateway.name = request.public_key, "pending", request.name
        if gateway.state == "pending" and request.token:
            self._try_token(gateway, request)
        self._registry.keep(gateway)
        self._commit.stage.after["enrol", gateway.id] = lambda: self._answer(gateway)
        self._on_change(gateway)

    def _may_replace(self, known: Gateway, request: EnrolRequest) -> bool:
        """Tell whether another key may take a name: not an approved one's, and a waiting one's only by a token.

        Otherwise what somebody approves might not be what they looked at.
        """
        return known.state == "revoked" or (known.state == "pending" and self._token(request) != "")

    def _token(self, request: EnrolRequest) -> str:
        """Return the token a request proves to hold; empty when it proves none that is good now."""
        now_ms = self._now_ms()
        for token, expires_ms in self._tokens.items():
            if expires_ms >= now_ms and secrets.compare_digest(
                    token_proof(token, request.public_key).encode(), request.token.encode()):
                return token
        return ""

    def _try_token(self, gateway: Gateway, request: EnrolRequest) -> None:
        token = self._token(request)
        if not token:
            _log.warning("token_refused", gateway=gateway.id)
            return
        del self._tokens[token]
        gateway.state = "approved"
        self._commit.also(partial(self._used, token=token, gateway=gateway.id))

    def _used(self, connection: Connection, token: str, gateway: str) -> None:
        connection.execute(update(tables.tokens).where(tables.tokens.c.token == token).values(used_by=gateway))
        audit.write(connection, at_ms=self._now_ms(), actor="token", action="gateway.approve", subject=gateway,
                    detail={})

    def _answer(self, gateway: Gateway) -> None:
        match gateway.state:
            case "approved":
                welcome = Welcome(username=self._credentials[0], password=self._credentials[1],
                                  card_key=self._own.card, policy_key=public_of(self._own.policy))
                self._reply(gateway.id, "approved", sealed=seal(msgspec.json.encode(welcome), gateway.public_key))
                self.publish_desired(gateway.id)
            case "pending":
                self._reply(gateway.id, "pending", "somebody has to approve this gateway in the console")
            case _:
                self._reply(gateway.id, "refused", "this gateway was refused")

    def _reply(self, gateway: str, status: Literal["pending", "approved", "refused"], reason: str = "", *,
               sealed: bytes = b"") -> None:
        self._publish(topics.enrol_reply(self._site, gateway),
                      encode(EnrolReply(gateway=gateway, status=status, reason=reason, sealed=sealed)))

    async def _audited(self, action: str, by: str, subject: str, reason: str) -> None:
        now_ms = self._now_ms()
        await self._commit.change(lambda connection: audit.write(
            connection, at_ms=now_ms, actor=by, action=action, subject=subject, detail={"reason": reason}))
