"""IVR: what a caller hears and may press until somebody answers.

A flow is data from the settings. `machine` walks it and is pure; `runner` lets it drive a session through the Exchange.
"""
