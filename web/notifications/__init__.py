"""Pages of news: the inbox, how one wants to hear, devices and calendar, and the officers' journal."""
