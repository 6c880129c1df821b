"""Decision certificates: the file, what it holds, the rules run again, the verdict (docs/spec/decision-certificate.md)."""
