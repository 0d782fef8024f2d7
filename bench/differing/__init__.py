"""Odd requests and answers, sent through Switchyard, HAProxy and nginx and read by h11: what differs, and what it means."""
