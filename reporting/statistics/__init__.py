"""Figures of wards, teams, categories and times, with how sure each is."""
