"""What the tests of the monitoring, and the pictures of it, share."""
