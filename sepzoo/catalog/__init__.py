"""What is known of networks without building one: names, specs, cards, counts; and the plumbing that all families share."""
