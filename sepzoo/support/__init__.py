"""What knows no network: errors, whole files, lazy names, silence, tables, overrides."""
