"""The door policy a gateway holds: signed by the hub, kept on disk, never replaced by an older one."""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from contract.messages import SignedPolicy, encode
from contract.sealing import SealError, verify
from edge_agent.files import read_json, write_private
from rules.access.policy import Person, PolicyError, PolicyIndex, decode

POLICY_FILE: Final = "policy.json"
_log = structlog.get_logger()


class PolicyRefused(Exception):
    """A policy that must not be used; the text says why."""


class PolicyStore:
    """The policy in force."""

    def __init__(self, folder: Path, gateway: str) -> None:
        self._path = folder / POLICY_FILE
        self._gateway = gateway
        self._key = b""
        self._signed: SignedPolicy | None = None
        self.index: PolicyIndex | None = None

    @property
    def version(self) -> int:
        """Version in force, 0 without any."""
        return self.index.policy.version if self.index else 0

    def trust(self, policy_key: bytes) -> None:
        """Believe what this key (Ed25519) signs; take up what is on the disk, if it is signed by it. Blocks."""
        if policy_key == self._key:
            return
        self._key, self.index, self._signed = policy_key, None, None
        kept = read_json(self._path, SignedPolicy)
        if kept is None:
            return
        try:
            self.index, self._signed = self._checked(kept), kept
        except PolicyRefused as error:
            _log.warning("kept_policy_refused", why=str(error))

    async def take(self, signed: SignedPolicy) -> bool:
        """Put a policy in force and keep it; False when it is the one in force. Raise `PolicyRefused`.

        It is in force before it is on the disk: a disk that refuses must not hold up a change of rights.
        """
        if signed == self._signed:
            return False
        index = await asyncio.to_thread(self._checked, signed)
        if index.policy.version < self.version:
            raise PolicyRefused(f"version {index.policy.version} is older than {self.version}, which is in force")
        self.index, self._signed = index, signed
        try:
            await asyncio.to_thread(write_private, self._path, encode(signed))
        except OSError as error:
            _log.error("policy_not_kept", why=str(error))
        return True

    def person(self, credential: str) -> Person | None:
        """Return whose credential this is (keyed hash); None when it is not known here."""
        if self.index is None:
            return None
        found = self.index.policy.credentials.get(credential)
        return self.index.policy.people[found.person] if found else None

    def _checked(self, signed: SignedPolicy) -> PolicyIndex:
        if not self._key:
            raise PolicyRefused("this gateway was never welcome, so it knows no key to check policies by")
        try:
            verify(signed.body, signed.signature, self._key)
            policy = decode(signed.body)
        except (SealError, PolicyError) as error:
            raise PolicyRefused(str(error)) from error
        if policy.gateway != self._gateway:
            raise PolicyRefused(f"it is for the gateway {policy.gateway}")
        return PolicyIndex(policy)
