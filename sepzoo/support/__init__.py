"""What knows nothing of networks: errors, atomic writes, lazy imports, progress, tables, types."""
