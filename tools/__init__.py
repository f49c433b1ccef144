"""What a checkout is worked on with; no part of a running node.

dev, environments and assets run before anything is installed, so they use the standard library only.
"""
