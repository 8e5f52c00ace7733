"""Routing: who waits, who can take them, and who is offered whom.

Agents, queues and the choice between them are pure; `router` is the shell that listens on the bus and asks the
Exchange.
"""
