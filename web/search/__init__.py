"""Finding people and documents (ADR 11)."""
