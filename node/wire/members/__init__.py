"""What members send each other: signed requests, messages, disclosures."""
