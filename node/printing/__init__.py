"""What is drawn for people: QR codes."""
