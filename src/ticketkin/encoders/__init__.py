"""Floor 2: sentence encoders. Loading, encoding, the cache, and the proof that an adapter acts."""
