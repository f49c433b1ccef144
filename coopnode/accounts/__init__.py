"""Keys of an account after it was made: another device, a lost one, the sheet of paper (P7–P11)."""
