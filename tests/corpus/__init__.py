"""Texts of our own that are measured with, and what reads them."""
