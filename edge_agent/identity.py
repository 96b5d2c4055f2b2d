"""Who this gateway is: its key, made at the first start, and what the hub gave it when somebody approved it."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from contract.messages import Welcome, encode
from contract.sealing import pairing_code
from edge_agent.files import make_folder, read_json, write_private

KEY_FILE: Final = "gateway.key"
WELCOME_FILE: Final = "welcome.json"


class Identity:
    """The gateway's folder (0700) with its X25519 key and its welcome (0600 each)."""

    def __init__(self, folder: Path) -> None:
        """Read the key, or make one at the first start. Raise `ValueError` when the key file is damaged."""
        make_folder(folder)
        self._folder = folder
        key = folder / KEY_FILE
        if not key.exists():
            write_private(key, X25519PrivateKey.generate().private_bytes_raw())
        self.private = key.read_bytes()
        self.public = X25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()
        self.welcome = read_json(folder / WELCOME_FILE, Welcome)

    @property
    def code(self) -> str:
        """Six digits a person compares with what the hub shows."""
        return pairing_code(self.public)

    @property
    def card_key(self) -> bytes | None:
        """Key that turns credentials into hashes; None before the gateway was ever welcome."""
        return self.welcome.card_key if self.welcome else None

    def admit(self, welcome: Welcome) -> None:
        """Keep what the hub gave."""
        write_private(self._folder / WELCOME_FILE, encode(welcome))
        self.welcome = welcome
