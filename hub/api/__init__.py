"""The HTTP API and its live stream."""
