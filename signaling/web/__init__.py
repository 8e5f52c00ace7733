"""The web: pages, the HTTP interface and the live socket for staff and customers."""
