"""The spellings, schemes and names of tags in corpora."""
