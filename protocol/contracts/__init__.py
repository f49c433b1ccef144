"""The contracts: one module per domain, each pure, none importing another (SPEC §6–§8)."""
