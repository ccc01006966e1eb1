"""What a person sees on the terminal, by subject: tables and sentences, never a calculation."""
