"""Pages of the council's robot."""
