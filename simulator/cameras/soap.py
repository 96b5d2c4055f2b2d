"""The little of SOAP 1.2 and WS-Security an ONVIF camera needs. Pure."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

_ENVELOPE: Final = "{http://www.w3.org/2003/05/soap-envelope}"
_SECURITY: Final = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
_UTILITY: Final = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
_FRESH: Final = timedelta(minutes=5)
_NAMESPACES: Final = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "tt": "http://www.onvif.org/ver10/schema",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "wsa5": "http://www.w3.org/2005/08/addressing",
}.items())


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    operation: str
    """Local name: "GetProfiles"."""
    body: ET.Element
    header: ET.Element | None

    def text(self, name: str) -> str:
        """Return the text of the first element of this local name, or nothing."""
        return next((part.text or "" for part in self.body.iter() if part.tag.rpartition("}")[2] == name), "")


def parse(content: bytes) -> Call:
    """Read a request; raise `ValueError` when it is none."""
    try:
        root = ET.fromstring(content)  # noqa: S314 - a simulator on the loopback; expat bounds expansion
    except ET.ParseError as error:
        raise ValueError("not XML") from error
    body = root.find(f"{_ENVELOPE}Body")
    if body is None or not len(body):
        raise ValueError("no SOAP body")
    return Call(body[0].tag.rpartition("}")[2], body[0], root.find(f"{_ENVELOPE}Header"))


def authorised(call: Call, user: str, password: str, now: datetime) -> bool:
    """Check the UsernameToken's digest: Base64(SHA1(nonce + created + password))."""
    token = call.header.find(f"{_SECURITY}Security/{_SECURITY}UsernameToken") if call.header is not None else None
    if token is None:
        return False
    name, given, nonce = (token.findtext(f"{_SECURITY}{part}", "") for part in ("Username", "Password", "Nonce"))
    created = token.findtext(f"{_UTILITY}Created", "")
    try:
        age = abs(now - datetime.fromisoformat(created).astimezone(UTC))
        salt = base64.b64decode(nonce)
    except (ValueError, binascii.Error):
        return False
    digest = hashlib.sha1(salt + created.encode() + password.encode(), usedforsecurity=False).digest()
    return name == user and age < _FRESH and hmac.compare_digest(given, base64.b64encode(digest).decode())


def envelope(body: str) -> str:
    """Wrap a reply's body."""
    return (f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {_NAMESPACES}>'
            f"<s:Body>{body}</s:Body></s:Envelope>")


def fault(subcode: str, reason: str) -> str:
    """Return a fault's envelope, as ONVIF core specification 5.8 has it."""
    return envelope("<s:Fault><s:Code><s:Value>s:Sender</s:Value>"
                    f"<s:Subcode><s:Value>ter:{subcode}</s:Value></s:Subcode></s:Code>"
                    f'<s:Reason><s:Text xml:lang="en">{escape(reason)}</s:Text></s:Reason></s:Fault>')


def moment(when: datetime) -> str:
    """Write a time as xs:dateTime, UTC."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
