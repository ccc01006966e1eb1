"""The commands by subject: arguments in, steps run, tables or one JSON document out."""
