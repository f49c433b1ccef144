"""The import of a register: one question a page, and nothing signed before everything was shown."""
