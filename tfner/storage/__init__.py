"""Files in and out: lines, files that appear whole, remote places."""
