"""Recording: keeps all of a session on disk, finds it again and prepares it for the reviewer.

A recorded session is a folder: a journal that grows with the call, one Matroska file a track written by the
media core, and, once all is closed, a manifest with times and digests. Renditions for the browser are made on demand.
"""
