"""Files read and written: lines, whole files and directories, remote paths."""
