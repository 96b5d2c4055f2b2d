"""Access decisions: the policy a gateway holds, who may pass which door when, and what a door does."""

from rules.access.decide import Decision, decide
from rules.access.door import DoorMode
from rules.access.policy import Policy, PolicyIndex
from rules.access.reasons import WORDS, Reason, ReasonWords

__all__ = ["WORDS", "Decision", "DoorMode", "Policy", "PolicyIndex", "Reason", "ReasonWords", "decide"]
