"""From a command line to stages and settings."""
