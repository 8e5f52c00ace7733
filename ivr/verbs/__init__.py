"""The verbs of a flow, one module each: what the settings may say of it, and what it does while it is current."""
