"""A bundle and a database as a service: an interface over HTTP for people, ticket systems and assistants."""
