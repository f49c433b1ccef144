"""How news reaches people (ADR 14): settings, inbox, devices, calendars, the journal of deliveries.

What is told, and to whom, is the slices' (`letters.py` of each); how often it is tried is the outbox's.
"""
