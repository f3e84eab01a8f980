"""How the committed replica was made: corpus, tokenizer, training, scores. Runs in an environment of its own."""
