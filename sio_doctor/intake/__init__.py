"""What people have at hand, read: a line out of a browser's console, the client's or the server's log. Pure."""
