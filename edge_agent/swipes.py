"""Swipes at class signs: who it was, when the policy knows the card. They open nothing."""

from collections.abc import Callable
from typing import Final

from contract import kinds
from contract.clock import Clock
from contract.messages import Event
from contract.sealing import credential_hash
from drivers.base import DeviceEvent
from edge_agent.policy import PolicyStore

LATE_MS: Final = 7 * 86_400_000
"""A sign that was cut off pushes its swipes later; a time older than this is not believed."""


class Swipes:
    """Turns swipes into events."""

    def __init__(self, policy: PolicyStore, clock: Clock, card_key: Callable[[], bytes | None]) -> None:
        self._policy, self._clock, self._card_key = policy, clock, card_key

    def event(self, device: str, zone: str, swipe: DeviceEvent) -> Event:
        """Return the event of one swipe, at the sign's own time when that can be believed."""
        now_ms, at_ms = self._clock.now_ms(), swipe.device_ms
        if at_ms is None or not now_ms - LATE_MS <= at_ms <= now_ms:
            at_ms = now_ms
        key = self._card_key()
        hashed = credential_hash(key, swipe.text) if key else ""
        person = self._policy.person(hashed)
        return Event(kind=kinds.SIGN_SWIPE, at_ms=at_ms, device=device, zone=zone, credential=hashed,
                     person=person.id if person else "", text=person.name if person else "",
                     data={"unit": person.unit} if person and person.unit else {})
