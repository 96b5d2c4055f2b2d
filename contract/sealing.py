"""Sealing to a gateway's key, signing policies, hashing credentials (X25519, HKDF, ChaCha20-Poly1305, Ed25519)."""

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
_NONCE = bytes(12)  # each key seals once, so the nonce may stand still


class SealError(ValueError):
    """A seal or signature that does not fit: wrong key or changed content."""


def seal(plain: bytes, recipient: bytes) -> bytes:
    """Encrypt so that only the holder of `recipient`'s private key (X25519, 32 bytes) can read it."""
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    key = _derive(ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient)), public + recipient)
    return public + ChaCha20Poly1305(key).encrypt(_NONCE, plain, None)


def unseal(sealed: bytes, private: bytes) -> bytes:
    """Decrypt what was sealed to this private key; raise `SealError` when it was not."""
    own = X25519PrivateKey.from_private_bytes(private)
    public, cipher = sealed[:_KEY_BYTES], sealed[_KEY_BYTES:]
    try:
        shared = own.exchange(X25519PublicKey.from_public_bytes(public))
        key = _derive(shared, public + own.public_key().public_bytes_raw())
        return ChaCha20Poly1305(key).decrypt(_NONCE, cipher, None)
    except (InvalidTag, ValueError) as error:
        raise SealError("sealed for another key, or changed on the way") from error


def sign(body: bytes, private: bytes) -> bytes:
    """Return the Ed25519 signature, 64 bytes, by this private key of 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private).sign(body)


def verify(body: bytes, signature: bytes, public: bytes) -> None:
    """Raise `SealError` unless `signature` is by the holder of this Ed25519 public key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, body)
    except (InvalidSignature, ValueError) as error:
        raise SealError("signature does not fit: another signer, or changed on the way") from error


def public_of(private: bytes) -> bytes:
    """Return the Ed25519 public key of a private one (32 bytes each)."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def credential_hash(card_key: bytes, credential: str) -> str:
    """Return the keyed hash (HMAC-SHA-256, 16 bytes as hex) that stands for a canonical credential."""
    return hmac.new(card_key, credential.encode(), hashlib.sha256).hexdigest()[:32]


def token_proof(token: str, public_key: bytes) -> str:
    """Return what proves a one-time token without showing it, bound to the asking gateway's key."""
    return hmac.new(token.encode(), public_key, hashlib.sha256).hexdigest()


def pairing_code(public_key: bytes) -> str:
    """Return six digits that stand for a public key: shown by the gateway and the hub, compared by a person."""
    number = int.from_bytes(hashlib.sha256(public_key).digest()[:8], "big")
    return f"{number % 1_000_000:06d}"


def _derive(shared: bytes, context: bytes) -> bytes:
    derivation = HKDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, salt=None, info=b"campus/v1 seal" + context)
    return derivation.derive(shared)
