"""A virtual campus that speaks the real protocols. It knows nothing of the hub's or the edge's code."""
