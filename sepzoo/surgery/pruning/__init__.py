"""Channel pruning: which channels go together, which of them matter, and the smaller network without the others."""
