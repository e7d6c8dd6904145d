"""Durable storage of a service: tickets, embeddings, links and what people said of them, in PostgreSQL."""
