"""The log over HTTP: submission, tiles, proofs, health (SPEC §9, §10)."""
