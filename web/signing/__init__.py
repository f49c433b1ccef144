"""Between the site and the signing origin (P28, ADR 4)."""
