"""Founding, invitations and the desk of the council (slice FOUND)."""
