"""Speak to devices. A driver knows its protocol; it knows nothing of MQTT, rules, time or the hub."""
