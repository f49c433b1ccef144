"""The node application: one cooperative's log, vault and services (design §3). `coopnode.app` is the only
composition root."""

__version__ = "0.1.0.dev0"
