"""Around a job: its frame, checkpoints, the check of configs and data."""
