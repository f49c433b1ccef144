"""Joining and the register of members on this node (SPEC §8.3): read models, drafts, letters."""
