"""Tiny random models of the hub families that the app runs, laid out exactly as their repositories are."""
