"""What is known of networks without building one: names, specs, cards, counts; and what all families share."""
