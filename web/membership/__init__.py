"""Joining, the desk of applications, the register of members, and what is kept about a person (slice JOIN)."""
