"""Measurements of tfner; `README.md` beside this file holds their results."""
