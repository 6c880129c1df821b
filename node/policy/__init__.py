"""The one policy decision point: who may read which record now, and on what that rests (FORMATS "Consent"). Pure."""
