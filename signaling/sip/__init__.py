"""SIP (RFC 3261): a sans-IO stack, asyncio transports, the registrar, the trunks, the gateway to the Exchange."""
