"""Shared by the tests and the pictures of the monitoring."""
