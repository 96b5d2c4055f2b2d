"""What an installer says about a class sign."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from contract.configuration import Settings
from drivers.class_sign import vendor as vendors


class SignSettings(Settings):
    """One class sign."""

    http: str
    """"http://192.168.1.30:8080"."""
    vendor: str
    password: SecretStr = SecretStr("")
    device_id: str = ""
    """What the sign calls itself when it pushes; empty: what its status says."""
    timeout_s: Annotated[float, Field(ge=0.1, le=30)] = 3

    @field_validator("http")
    @classmethod
    def _http(cls, value: str) -> str:
        where = urlsplit(value)
        if where.scheme not in ("http", "https") or not where.hostname or "@" in where.netloc:
            raise ValueError("must look like http://host:port, without user name or password")
        return value.rstrip("/")

    @field_validator("vendor")
    @classmethod
    def _vendor(cls, value: str) -> str:
        known: Final = vendors.names()
        if value not in known:
            raise ValueError(f"no such vendor; known: {', '.join(known)}")
        return value
