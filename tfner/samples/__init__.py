"""The bundled sample corpora."""
