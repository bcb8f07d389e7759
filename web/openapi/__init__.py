"""What programs may ask of us, as OpenAPI 3.1: plain dicts, one module for each area of the API."""
