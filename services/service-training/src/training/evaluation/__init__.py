"""How well vectors tell people apart."""
