"""Every way to ground a sentence, in small: trained on the same data, asked the same questions."""
