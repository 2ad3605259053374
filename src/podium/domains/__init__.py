"""Domains: what is known. A domain owns sources, data contracts, events, feature tables and pictures."""
