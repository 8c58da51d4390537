"""Real vocabularies as Hugging Face folders, and what llama.cpp makes of them beside tokenizers."""
