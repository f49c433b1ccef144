"""Joining, the desk of applications, the register of members, what is kept about a person (slice JOIN)."""
