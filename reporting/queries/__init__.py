"""Statements as plain SQL values; nothing executes here."""
