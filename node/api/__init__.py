"""The HTTP API (FastAPI): routes translate between HTTP and the services, and decide nothing."""
