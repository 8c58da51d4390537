"""How blocks lie in memory: bit packing, arrangements for fast arithmetic, scratch memory."""
