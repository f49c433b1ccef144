"""Pages of a person's keys: add a device, revoke a lost one, recover from the sheet."""
