"""JSON records: their stream, their shapes, and what must not be passed over."""
