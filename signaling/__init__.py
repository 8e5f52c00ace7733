"""How people reach us: SIP, and the web."""
