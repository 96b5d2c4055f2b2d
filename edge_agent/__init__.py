"""The gateway process: polls devices, decides doors, keeps what it read until the hub has it, obeys commands."""
