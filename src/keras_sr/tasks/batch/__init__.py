"""Many picture files: what becomes of each, in order, resumable. No deep-learning library."""
