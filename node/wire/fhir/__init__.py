"""FHIR R4 in and out: documents split into records, and Consent (docs/spec/kinds.md, docs/spec/consent.md)."""
