"""The gateway: text in, entities out, over HTTP."""
