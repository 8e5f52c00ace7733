"""Callers for people with no phone: a real SIP phone (pjsua2) and a real WebRTC customer (aiortc)."""
