"""The modules of the bench. They need only the standard library, and Linux for its /proc."""
