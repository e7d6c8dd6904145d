"""The pages of the service, for people: plain HTML that works without scripts, and quicker with them."""
