"""The four transactions of RFC 3261 §17, with the Accepted state of RFC 6026, and the layer that matches them."""
