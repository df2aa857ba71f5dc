"""Arrays into networks: read from any file, matched by name, adapted, official files fetched."""
