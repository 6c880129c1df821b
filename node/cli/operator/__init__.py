"""What whoever runs a node does: `concord init`, `serve`, `clients`, `keys`, `locator`, `openapi`."""
