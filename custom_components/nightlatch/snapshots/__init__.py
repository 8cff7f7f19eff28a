"""How locks were set before something was done to them."""
