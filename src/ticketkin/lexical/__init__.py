"""Floor 1: words. BM25 ranking over fields, and TF-IDF neighbours of all tickets."""
