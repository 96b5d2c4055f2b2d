"""What an installer says about a camera."""

import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from contract.configuration import Settings

ONVIF_PATH: Final = "/onvif/device_service"
Share = Annotated[float, Field(ge=0, le=1)]
Polygon = Annotated[list[tuple[Share, Share]], Field(min_length=3)]
"""Corners (x, y) as shares of the picture's width and height, from the top left."""
_HAS_LOGIN: Final = re.compile(r"//[^/]*@")


class CameraSettings(Settings):
    """One camera: an ONVIF address, an RTSP address, or both."""

    onvif: str = ""
    """"http://192.168.1.20/onvif/device_service"; without it there is video only."""
    rtsp: str = ""
    """"rtsp://192.168.1.20/stream"; without it ONVIF is asked."""
    username: str = ""
    password: SecretStr = SecretStr("")
    transport: Literal["tcp", "udp"] = "tcp"
    fps: Annotated[float, Field(gt=0, le=30)] = 5
    """Pictures looked at in a second; the others are decoded and dropped."""
    zones: dict[str, Polygon] = Field(default_factory=dict)
    """Named areas motion is told for, each by itself; without any, the whole picture."""
    timeout_s: Annotated[float, Field(ge=0.2, le=30)] = 3
    """Wall seconds without an answer or a picture after which the camera counts as lost."""

    @field_validator("onvif")
    @classmethod
    def _onvif(cls, value: str) -> str:
        if value and (urlsplit(value).scheme not in ("http", "https") or urlsplit(value).path != ONVIF_PATH):
            raise ValueError(f"must look like http://host:port{ONVIF_PATH}")
        return _without_login(value)

    @field_validator("rtsp")
    @classmethod
    def _rtsp(cls, value: str) -> str:
        if value and (urlsplit(value).scheme != "rtsp" or not urlsplit(value).hostname):
            raise ValueError("must look like rtsp://host:port/path")
        return _without_login(value)

    @model_validator(mode="after")
    def _some_address(self) -> Self:
        if not self.onvif and not self.rtsp:
            raise ValueError("needs onvif, rtsp or both")
        return self


def _without_login(url: str) -> str:
    if _HAS_LOGIN.search(url):
        raise ValueError("must not hold a user name or password; use the fields username and password")
    return url


def with_login(url: str, username: str, password: str) -> str:
    """Return the RTSP address OpenCV opens; holds the password, so it is never kept, logged or told."""
    if not username:
        return url
    return url.replace("://", f"://{quote(username, safe='')}:{quote(password, safe='')}@", 1)
