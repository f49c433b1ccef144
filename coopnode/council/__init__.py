"""The council: matters, votes by name, decisions with their minutes (SPEC §8.2)."""
