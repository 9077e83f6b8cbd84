"""What each browser makes of a server, pure: generators that yield requests and are sent answers."""
