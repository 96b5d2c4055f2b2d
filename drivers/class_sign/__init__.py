"""Class signs (电子班牌): polled and told over HTTP, with a receiver for the swipes they push."""

from drivers.class_sign.factory import ClassSignFactory, SignDiscovery
from drivers.class_sign.settings import SignSettings
from drivers.class_sign.sign import ClassSign

__all__ = ["ClassSign", "ClassSignFactory", "SignDiscovery", "SignSettings"]
