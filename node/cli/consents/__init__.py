"""`concord consent`: sign, grant and show consents."""
