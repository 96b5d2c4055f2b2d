"""Makes the signs' drivers and owns the receiver they share."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from contract.configuration import Settings
from drivers.base import Candidate
from drivers.class_sign.receiver import Receiver
from drivers.class_sign.settings import SignSettings
from drivers.class_sign.sign import ClassSign


class SignDiscovery(Settings):
    """Where signs push to."""

    receiver: Annotated[str, Field(pattern=r"^[^/\s]+:\d{1,5}$")]
    """"127.0.0.1:8090"."""
    password: SecretStr = SecretStr("")
    """Password of the signs that will be found and approved."""


class ClassSignFactory:
    """Factory and discovery of class signs."""

    settings: ClassVar[type[SignSettings]] = SignSettings
    discovery: ClassVar[type[SignDiscovery]] = SignDiscovery

    def __init__(self) -> None:
        self.receiver = Receiver()

    def create(self, settings: SignSettings) -> ClassSign:
        """Make a sign's driver; nothing is opened yet."""
        return ClassSign(settings, self.receiver)

    async def listen(self, address: str) -> str:
        """Start the receiver at "host:port" and return its real address; raise a `DeviceError` if it is taken."""
        return await self.receiver.listen(address)

    async def discover(self, settings: SignDiscovery) -> Sequence[Candidate]:
        """Return the signs that pushed and that nobody has configured; starts the receiver at its first call."""
        await self.listen(settings.receiver)
        return self.receiver.candidates()

    async def close(self) -> None:
        """Stop the receiver."""
        await self.receiver.close()
