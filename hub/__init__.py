"""The hub: ingest, rules, one commit, historians, alarms, commands and the HTTP API."""
