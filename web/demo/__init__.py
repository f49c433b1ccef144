"""The door of a demo: a page on which one becomes any of its people."""
