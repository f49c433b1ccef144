"""The council's robot on this node: it signs with keys that members lent it, nothing else (SPEC §8.2.1)."""
