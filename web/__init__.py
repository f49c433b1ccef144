"""Server-rendered pages and the JSON API. Calls services and queries of `coopnode` only (design §3)."""
