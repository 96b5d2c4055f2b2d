"""Enrolment: an unknown gateway asks to take part until somebody approves it."""

import asyncio
from typing import Final

import aiomqtt
import msgspec
import structlog

from contract import topics
from contract.messages import ContractError, EnrolReply, EnrolRequest, Text, Welcome, decode, encode
from contract.sealing import SealError, token_proof, unseal
from edge_agent.identity import Identity
from edge_agent.uplink import RECONNECT_S, BrokerAddress

ASK_EVERY_S: Final = 5.0
REFUSED_PAUSE_S: Final = 60.0
_log = structlog.get_logger()


class Refused(Exception):
    """The hub does not want this gateway."""


class Enrolment:
    """One gateway's asking."""

    def __init__(self, identity: Identity, *, site: str, gateway: str, name: Text, token: str, software: str,
                 devices: int) -> None:
        self._identity = identity
        self._site, self._gateway = site, gateway
        self._request = EnrolRequest(
            gateway=gateway, name=name, public_key=identity.public, software=software, devices=devices,
            token=token_proof(token, identity.public) if token else "")
        self._told = ""

    async def run(self, address: BrokerAddress) -> None:
        """Ask until welcome, and keep the welcome; log once for each state of affairs."""
        attempt = 0
        while True:
            try:
                async with address.client(f"{self._site}-{self._gateway}-enrol") as client:
                    attempt = 0
                    welcome = await self._ask(client)
            except aiomqtt.MqttError as error:
                self._tell("enrol_no_broker", why=str(error))
                await asyncio.sleep(RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
                attempt += 1
            except Refused as error:
                self._tell("enrol_refused", why=str(error))
                await asyncio.sleep(REFUSED_PAUSE_S)
            else:
                await asyncio.to_thread(self._identity.admit, welcome)
                _log.info("enrolled", gateway=self._gateway)
                return

    async def _ask(self, client: aiomqtt.Client) -> Welcome:
        await client.subscribe(topics.enrol_reply(self._site, self._gateway), qos=1)
        asking = asyncio.create_task(self._keep_asking(client), name="enrol.ask")
        try:
            async for message in client.messages:
                if isinstance(message.payload, bytes | bytearray) and (welcome := self.answer(message.payload)):
                    return welcome
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        raise aiomqtt.MqttError("the connection ended")

    async def _keep_asking(self, client: aiomqtt.Client) -> None:
        while True:
            await client.publish(topics.enrol_request(self._site, self._gateway), encode(self._request), qos=1)
            await asyncio.sleep(ASK_EVERY_S)

    def answer(self, payload: bytes | bytearray) -> Welcome | None:
        """Return the welcome in an answer, None when there is none yet; raise `Refused`."""
        try:
            reply = decode(payload, EnrolReply)
        except ContractError as error:
            self._tell("enrol_answer_unreadable", why=str(error))
            return None
        if reply.gateway != self._gateway:
            return None
        match reply.status:
            case "refused":
                raise Refused(reply.reason or "no reason given")
            case "pending":
                self._tell("enrol_pending", code=self._identity.code,
                           next_step="approve this gateway at the hub if it shows the same code")
                return None
            case "approved":
                return self._open(reply.sealed)

    def _open(self, sealed: bytes) -> Welcome | None:
        try:
            welcome = msgspec.json.decode(unseal(sealed, self._identity.private), type=Welcome)
        except (SealError, msgspec.MsgspecError) as error:
            self._tell("enrol_welcome_unreadable", why=str(error))
            return None
        return welcome

    def _tell(self, what: str, **fields: str) -> None:
        """Log what changed, once."""
        if what != self._told:
            self._told = what
            _log.warning(what, gateway=self._gateway, **fields)
