"""Public verification by fingerprint, evidence files, and the documents of whoever is signed in."""
