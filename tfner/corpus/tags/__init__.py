"""The schemes of tags in corpora, and the names of those that are numbers."""
