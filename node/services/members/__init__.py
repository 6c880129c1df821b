"""What passes between members: who they are, what they sign, what is sent and taken exactly once."""
