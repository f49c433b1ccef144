"""A living cooperative comes in: its register of members from a table to invitations in people's hands."""
