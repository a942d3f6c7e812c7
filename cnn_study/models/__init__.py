"""Networks: their specifications, their cost, and the factory that builds them."""
