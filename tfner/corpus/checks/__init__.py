"""What is wrong with a corpus file, and how to repair it."""
