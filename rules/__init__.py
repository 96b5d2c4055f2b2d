"""Pure decisions: no clock, no network, no disk. The hub and the edge share them."""
