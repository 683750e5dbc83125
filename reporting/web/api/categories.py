"""What can be reported at a place."""
