"""Mediaswitch: sessions, who is in them, who hears and sees whom.

This package is the control plane's centre. It imports no signaling, IVR, routing or recording code;
those packages import it and meet on its bus. Only ``mediaswitch.__main__`` and ``mediaswitch.server`` know all.
"""
