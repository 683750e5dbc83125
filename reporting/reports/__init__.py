"""Reports: taking them in, showing them."""
