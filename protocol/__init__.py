"""The protocol of coopnode: formats, proofs and rules, as pure functions.

Nothing in this package opens a file or a socket, asks for the time, draws a random number or writes a
log line. What it needs comes as an argument; what it found comes back as a value or as one of the
exceptions in :mod:`protocol.errors`. So a node, an anchor, an auditor and a test run the same code.
"""
