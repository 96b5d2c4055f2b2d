"""The command line and the demonstration: composition only."""
