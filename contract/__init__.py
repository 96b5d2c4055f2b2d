"""What both sides of the broker share: topics, messages, codec. No I/O, no clock, no randomness."""
