"""Settings of runs: dataclasses read from TOML, `--set` and flags."""
