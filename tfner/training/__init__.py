"""Training runs: data, steps, schedules, the best epoch."""
