"""Floor 1: words. BM25F ranking over fields, and TF-IDF neighbours of all tickets."""
