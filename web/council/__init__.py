"""Pages and API of the council: queue, matter, votes, the chair's signature, decisions and their minutes."""
