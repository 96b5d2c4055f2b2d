"""Where time series live. Each historian is fed from the journal by its own cursor (hub/historians/feeder.py)."""
